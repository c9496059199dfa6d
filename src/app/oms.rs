//! The settings of VeraCore's SOAP client, from the configuration.

use super::{credentials, veracore_limits};
use crate::{
    config::{Config, OmsCancelStyle, OmsInventory, UnmappedShipping},
    fulfillment::veracore::oms::{CancelSettings, CancelStyle, OmsSettings, StockSource, Unmapped},
};

pub(super) fn settings(config: &Config) -> OmsSettings {
    let veracore = &config.veracore;
    let oms = &veracore.oms;
    OmsSettings {
        url: veracore.api_url.clone(),
        namespace: oms.namespace.clone(),
        owner: veracore.company_id.clone(),
        credentials: credentials(config),
        timezone: veracore.timezone,
        limits: veracore_limits(config),
        freight: config.maps.freight.clone(),
        unmapped: match oms.unmapped_shipping {
            UnmappedShipping::Send => Unmapped::Send,
            UnmappedShipping::Refuse => Unmapped::Refuse,
        },
        max_order_id: oms.max_order_id,
        stock: match oms.inventory {
            OmsInventory::Offers => StockSource::Offers,
            OmsInventory::Products => StockSource::Products,
        },
        warehouses: config.maps.warehouses.keys().cloned().collect(),
        missing_text: oms.not_found_text.clone(),
        cancel: CancelSettings {
            style: match oms.cancel_style {
                OmsCancelStyle::Soap => CancelStyle::Soap,
                OmsCancelStyle::Json => CancelStyle::Json,
            },
            namespace: oms.cancel_namespace.clone(),
            action: oms.cancel_action.clone(),
        },
    }
}
