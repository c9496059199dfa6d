//! What stock is kept back, when a feed is too strange to be believed, and how levels are written.

use super::{problem::ReadResult, reader::SettingReader};
use crate::domain::{SafetyStock, Sku, Units};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryConfig {
    /// 0 to 100: a feed that takes more than this part of the SKUs in stock to zero is held.
    pub max_drop_percent: u32,
    pub safety_stock: SafetyStock,
    /// How many stock levels one call writes to the shop.
    pub batch_size: usize,
}

/// Vendure refuses bodies above 100 kB; a level is about 100 bytes.
const MAX_BATCH: u32 = 500;

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<InventoryConfig> {
    let max_drop_percent = reader.number("INVENTORY_MAX_DROP_PERCENT", 0..=100);
    let default = reader.parse("INVENTORY_SAFETY_STOCK", parse_units);
    let default = reader.require("INVENTORY_SAFETY_STOCK", default);
    let per_sku = reader.parse_table("safety_stock", |sku, text| {
        let sku = Sku::parse(sku).map_err(|why| why.to_string())?;
        let units = parse_units(text).map_err(|why| format!("its number {why}"))?;
        Ok((sku, units))
    });
    let batch_size = reader.number("INVENTORY_BATCH_SIZE", 1..=MAX_BATCH);
    Ok(InventoryConfig {
        max_drop_percent: max_drop_percent?,
        batch_size: usize::try_from(batch_size?).unwrap_or(1),
        safety_stock: SafetyStock {
            default: default?,
            per_sku: per_sku?,
        },
    })
}

fn parse_units(text: &str) -> Result<Units, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Units::new(number).ok())
        .ok_or_else(|| "is not a whole number of units".to_owned())
}
