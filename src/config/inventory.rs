//! What stock is kept back, and when a feed is too strange to be believed.

use super::{problem::Read, reader::Reader};
use crate::domain::{SafetyStock, Sku, Units};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// 0 to 100: a feed that takes more than this part of the SKUs in stock to zero is held.
    pub max_drop_percent: u32,
    pub safety_stock: SafetyStock,
}

pub(super) fn read(reader: &mut Reader) -> Read<Inventory> {
    let max_drop_percent = reader.number("INVENTORY_MAX_DROP_PERCENT", 0..=100);
    let default = reader.parsed("INVENTORY_SAFETY_STOCK", units);
    let default = reader.required("INVENTORY_SAFETY_STOCK", default);
    let per_sku = reader.table("safety_stock", |sku, text| {
        let sku = Sku::parse(sku).map_err(|why| why.to_string())?;
        let units = units(text).map_err(|why| format!("its number {why}"))?;
        Ok((sku, units))
    });
    Ok(Inventory {
        max_drop_percent: max_drop_percent?,
        safety_stock: SafetyStock {
            default: default?,
            per_sku: per_sku?,
        },
    })
}

fn units(text: &str) -> Result<Units, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Units::new(number).ok())
        .ok_or_else(|| "is not a whole number of units".to_owned())
}
