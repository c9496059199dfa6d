//! The tables that map the shop's names to the warehouse's.

use std::collections::BTreeMap;

use crate::{
    config::{
        check::{Checked, Rule},
        layers::values::Values,
        setting::Flaw,
        spec::SettingSpec,
        table::{FREIGHT, SHIPPING_METHODS, SKUS, VENDURE_STOCK_LOCATION, WAREHOUSES},
    },
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

pub const RULES: [Rule; 1] = [find_other_location];

pub fn build(values: &Values) -> NameMaps {
    NameMaps {
        shipping_methods: values.get(&SHIPPING_METHODS).unwrap_or_default(),
        freight: values.get(&FREIGHT).unwrap_or_default(),
        skus: values.get(&SKUS).unwrap_or_default(),
        warehouses: values.get(&WAREHOUSES).unwrap_or_default(),
    }
}

/// Stock is written to one location, so the goods of another one must not be counted.
fn find_other_location(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let warehouses = checked.get(&WAREHOUSES)?;
    let chosen = checked.get_or_unset(&VENDURE_STOCK_LOCATION)?;
    let first = chosen.as_ref().or_else(|| warehouses.values().next())?;
    let (warehouse, location) = warehouses.iter().find(|(_, at)| *at != first)?;
    let other = match &chosen {
        Some(chosen) => format!("VENDURE_STOCK_LOCATION is '{chosen}'"),
        None => "other warehouses have another one".into(),
    };
    let entry = warehouse.clone();
    let why = format!(
        "is '{location}', but {other}: stock is written to one location. Write its name in the same way, or remove the warehouse"
    );
    Some((&WAREHOUSES.spec, Flaw::Entry { entry, why }))
}
