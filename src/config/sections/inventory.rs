//! Stock: the safety checks, the units kept from sale, and the size of a write.

use crate::{
    config::{layers::values::Values, table},
    domain::SafetyStock,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryConfig {
    pub max_drop_percent: u32,
    pub safety_stock: SafetyStock,
    pub batch_size: usize,
}

pub fn build(values: &Values) -> Option<InventoryConfig> {
    Some(InventoryConfig {
        max_drop_percent: values.get(&table::INVENTORY_MAX_DROP_PERCENT)?,
        batch_size: values.get(&table::INVENTORY_BATCH_SIZE)?,
        safety_stock: SafetyStock {
            default: values.get(&table::INVENTORY_SAFETY_STOCK)?,
            per_sku: values.get(&table::SAFETY_STOCK).unwrap_or_default(),
        },
    })
}
