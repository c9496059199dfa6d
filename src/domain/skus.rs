//! Which goods are the warehouse's, and what they are called there.

use std::collections::BTreeMap;

use globset::GlobSet;

use super::Sku;

/// From Vendure's SKUs to VeraCore's.
#[derive(Debug, Clone)]
pub struct SkuRules {
    /// SKUs that VeraCore does not ship: neither sent, counted nor fulfilled.
    pub skip: GlobSet,
    /// Vendure's SKU to VeraCore's; what is not in it keeps its name. Several of the shop's may
    /// have one at the warehouse.
    pub map: BTreeMap<Sku, Sku>,
}

impl Default for SkuRules {
    fn default() -> Self {
        Self {
            skip: GlobSet::empty(),
            map: BTreeMap::new(),
        }
    }
}

impl SkuRules {
    /// Whether VeraCore does not ship it. Takes the SKU as the shop has it, possibly blank.
    #[must_use]
    pub fn skips(&self, sku: &str) -> bool {
        self.skip.is_match(sku)
    }

    /// What a SKU of the shop's is called at VeraCore.
    #[must_use]
    pub fn at_warehouse(&self, sku: Sku) -> Sku {
        self.map.get(&sku).cloned().unwrap_or(sku)
    }
}
