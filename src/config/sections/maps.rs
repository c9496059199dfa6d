//! The tables that map the shop's names to the warehouse's.

use std::collections::BTreeMap;

use crate::{
    config::{layers::values::Values, table},
    domain::{ShipVia, ShippingMethodCode, Sku},
};

/// Names that are not in a map are passed on unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMaps {
    /// Vendure's shipping method code to VeraCore's shipping method.
    pub shipping_methods: BTreeMap<ShippingMethodCode, String>,
    /// VeraCore's shipping method (or Vendure's code) to the request of the style `oms`.
    pub freight: BTreeMap<String, ShipVia>,
    /// Vendure's SKU to VeraCore's. Several SKUs of the shop may have the same one.
    pub skus: BTreeMap<Sku, Sku>,
    /// VeraCore's warehouse to Vendure's stock location, by name or id.
    pub warehouses: BTreeMap<String, String>,
}

pub fn build(values: &Values) -> NameMaps {
    NameMaps {
        shipping_methods: values.get(&table::SHIPPING_METHODS).unwrap_or_default(),
        freight: values.get(&table::FREIGHT).unwrap_or_default(),
        skus: values.get(&table::SKUS).unwrap_or_default(),
        warehouses: values.get(&table::WAREHOUSES).unwrap_or_default(),
    }
}
