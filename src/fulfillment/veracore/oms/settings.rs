//! The settings of the SOAP client.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use url::Url;

use super::super::common::credentials::Credentials;
use crate::{
    domain::{CancelProtocol, ShipVia, StockSource, UnmappedFreight},
    http::UpstreamLimits,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmsCancelSettings {
    pub protocol: CancelProtocol,
    /// The XML namespace of the elements, for [`CancelProtocol::Soap`].
    pub namespace: String,
    /// The whole `SOAPAction`; by default, the namespace and the operation.
    pub soap_action: Option<String>,
}

#[derive(Clone)]
pub struct OmsSettings {
    /// The service's address, used unchanged.
    pub url: Url,
    /// The services' XML namespace; by default, the one that belongs to the URL.
    pub namespace: Option<String>,
    /// The owner of the products; needed if several owners share part numbers.
    pub owner: Option<String>,
    pub credentials: Credentials,
    /// The zone of all dates: VeraCore reads and writes them without one.
    pub timezone: Tz,
    pub limits: UpstreamLimits,
    /// By VeraCore's name of the shipping method, or Vendure's code if it has no other name.
    pub freight: BTreeMap<String, ShipVia>,
    pub unmapped_freight: UnmappedFreight,
    /// The maximum length of an order number.
    pub max_order_id_length: usize,
    pub stock_source: StockSource,
    /// The warehouses whose stock counts, for [`StockSource::Products`]; empty: all.
    pub warehouses: BTreeSet<String>,
    /// A text in the fault for an unknown order, if this VeraCore words it unusually.
    pub order_not_found_text: Option<String>,
    pub cancel: OmsCancelSettings,
}
