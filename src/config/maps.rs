//! The tables that turn the shop's names into the warehouse's.

use std::collections::BTreeMap;

use super::{problem::ReadResult, reader::SettingReader};
use crate::domain::{ShipVia, ShippingMethodCode, Sku};

/// What is not in a map keeps its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMaps {
    /// Vendure's shipping method code to VeraCore's shipping method.
    pub shipping_methods: BTreeMap<ShippingMethodCode, String>,
    /// VeraCore's shipping method (Vendure's code, where it has no other name) to how the style
    /// `oms` asks for it.
    pub freight: BTreeMap<String, ShipVia>,
    /// Vendure's SKU to VeraCore's. Several of the shop's may have one at the warehouse.
    pub skus: BTreeMap<Sku, Sku>,
    /// VeraCore's warehouse to Vendure's stock location, by name or id.
    pub warehouses: BTreeMap<String, String>,
}

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<NameMaps> {
    let shipping_methods = reader.parse_table("shipping_methods", |code, name| {
        let code = ShippingMethodCode::parse(code).map_err(|why| why.to_string())?;
        Ok((code, parse_non_blank(name)?))
    });
    let freight = reader.parse_table("freight", |method, way| {
        Ok((parse_non_blank(method)?, ShipVia::parse(way)?))
    });
    let skus = reader.parse_table("skus", |shop, warehouse| {
        let shop = Sku::parse(shop).map_err(|why| why.to_string())?;
        let warehouse = Sku::parse(warehouse).map_err(|why| why.to_string())?;
        Ok((shop, warehouse))
    });
    let warehouses = read_warehouses(reader);
    Ok(NameMaps {
        shipping_methods: shipping_methods?,
        freight: freight?,
        skus: skus?,
        warehouses: warehouses?,
    })
}

/// Stock is written to one location: goods of another one must not be counted there, too.
fn read_warehouses(reader: &mut SettingReader) -> ReadResult<BTreeMap<String, String>> {
    let warehouses = reader.parse_table("warehouses", |warehouse, location| {
        Ok((parse_non_blank(warehouse)?, parse_non_blank(location)?))
    })?;
    let chosen = reader.text("VENDURE_STOCK_LOCATION")?;
    let first = chosen.as_ref().or_else(|| warehouses.values().next());
    let stray = warehouses.iter().find(|(_, at)| Some(*at) != first);
    let Some((warehouse, location)) = stray else {
        return Ok(warehouses);
    };
    let other = match &chosen {
        Some(chosen) => format!("VENDURE_STOCK_LOCATION is '{chosen}'"),
        None => "other warehouses are of another one".into(),
    };
    let problem = format!(
        "is '{location}', and {other}: stock is written to one location. Name it in the same way, or leave the warehouse out"
    );
    Err(reader.reject_entry("warehouses", warehouse, &problem))
}

fn parse_non_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("is blank or holds a control character".into());
    }
    Ok(text.to_owned())
}
