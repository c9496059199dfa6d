//! Names, codes and SKUs: in lists, and in the tables that map the shop's to the warehouse's. Pure.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::domain::{OrderState, ShipVia, ShippingMethodCode, Sku, Units};

/// Whether an item or entry was added, or else what is wrong with it.
type Added = Result<(), String>;

pub fn add_order_state(states: &mut Vec<OrderState>, text: &str) -> Added {
    states.push(OrderState::parse(text).map_err(|reason| format!("is not a state: {reason}"))?);
    Ok(())
}

pub fn add_method_code(codes: &mut Vec<ShippingMethodCode>, text: &str) -> Added {
    codes.push(
        ShippingMethodCode::parse(text).map_err(|reason| format!("is not a code: {reason}"))?,
    );
    Ok(())
}

pub fn add_glob(globs: &mut Vec<Glob>, text: &str) -> Added {
    let glob = Glob::new(text);
    globs.push(glob.map_err(|error| format!("is not a SKU or glob: {}", error.kind()))?);
    Ok(())
}

/// A matcher for all of these; an error if they are too large together.
pub fn glob_set(globs: Vec<Glob>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob);
    }
    set.build()
}

pub fn add_shipping_method(
    map: &mut BTreeMap<ShippingMethodCode, String>,
    code: &str,
    name: &str,
) -> Added {
    let code = ShippingMethodCode::parse(code).map_err(|reason| reason.to_string())?;
    map.insert(code, non_blank(name)?);
    Ok(())
}

pub fn add_freight(map: &mut BTreeMap<String, ShipVia>, method: &str, way: &str) -> Added {
    map.insert(non_blank(method)?, ShipVia::parse(way)?);
    Ok(())
}

pub fn add_sku_pair(map: &mut BTreeMap<Sku, Sku>, shop: &str, wms: &str) -> Added {
    map.insert(sku(shop)?, sku(wms)?);
    Ok(())
}

pub fn add_warehouse(map: &mut BTreeMap<String, String>, warehouse: &str, location: &str) -> Added {
    map.insert(non_blank(warehouse)?, non_blank(location)?);
    Ok(())
}

pub fn add_safety_stock(map: &mut BTreeMap<Sku, Units>, shop: &str, text: &str) -> Added {
    let sku = sku(shop)?;
    map.insert(
        sku,
        units(text).map_err(|reason| format!("its number {reason}"))?,
    );
    Ok(())
}

pub fn units(text: &str) -> Result<Units, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Units::new(number).ok())
        .ok_or_else(|| "is not a whole number of units".to_owned())
}

fn sku(text: &str) -> Result<Sku, String> {
    Sku::parse(text).map_err(|reason| reason.to_string())
}

fn non_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("is blank or contains a control character".into());
    }
    Ok(text.to_owned())
}

/// An XML namespace, which also becomes part of a header.
pub fn parse_namespace(text: &str) -> Result<String, String> {
    let fits = text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic() && c != '"');
    if !fits || !text.contains(':') {
        return Err("is not an XML namespace (such as http://omscom/, with its last slash)".into());
    }
    Ok(text.to_owned())
}
