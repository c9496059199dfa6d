//! The tables that map the shop's names to the warehouse's.

use std::collections::BTreeMap;

use crate::{
    config::{layers::values::Values, table},
    domain::{ShipVia, ShippingMethodCode, Sku},
};

/// Names that are not in a map are passed on unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMaps {
    pub shipping_methods: BTreeMap<ShippingMethodCode, String>,
    pub freight: BTreeMap<String, ShipVia>,
    /// Vendure's SKU to VeraCore's. Several SKUs of the shop may have the same one.
    pub skus: BTreeMap<Sku, Sku>,
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
