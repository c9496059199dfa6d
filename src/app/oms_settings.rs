//! The settings of VeraCore's SOAP client, from the configuration.

use super::{credentials, veracore_limits};
use crate::{
    config::{Config, OmsCancelStyle, OmsInventory, UnmappedShipping},
    fulfillment::veracore::oms::{
        CancelProtocol, OmsCancelSettings, OmsSettings, StockSource, UnmappedFreight,
    },
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
        unmapped_freight: match oms.unmapped_shipping {
            UnmappedShipping::Send => UnmappedFreight::Send,
            UnmappedShipping::Refuse => UnmappedFreight::Refuse,
        },
        max_order_id_length: oms.max_order_id_length,
        stock_source: match oms.inventory {
            OmsInventory::Offers => StockSource::Offers,
            OmsInventory::Products => StockSource::Products,
        },
        warehouses: config.maps.warehouses.keys().cloned().collect(),
        order_not_found_text: oms.not_found_text.clone(),
        cancel: OmsCancelSettings {
            protocol: match oms.cancel_style {
                OmsCancelStyle::Soap => CancelProtocol::Soap,
                OmsCancelStyle::Json => CancelProtocol::Json,
            },
            namespace: oms.cancel_namespace.clone(),
            soap_action: oms.cancel_action.clone(),
        },
    }
}
