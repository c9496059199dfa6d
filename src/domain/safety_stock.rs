//! Safety stock: units kept from sale.

use std::collections::BTreeMap;

use super::{Sku, Units};

/// Units kept from sale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SafetyStock {
    /// For each SKU without its own number.
    pub default: Units,
    /// By Vendure's SKU.
    pub per_sku: BTreeMap<Sku, Units>,
}

impl SafetyStock {
    pub fn for_sku(&self, sku: &str) -> Units {
        self.per_sku.get(sku).copied().unwrap_or(self.default)
    }
}
