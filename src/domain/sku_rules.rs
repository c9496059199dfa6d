//! Which SKUs VeraCore ships, and their SKUs at VeraCore.

use std::collections::BTreeMap;

use globset::GlobSet;

use super::Sku;

/// The rules from Vendure's SKUs to VeraCore's.
#[derive(Debug, Clone)]
pub struct SkuRules {
    /// SKUs that VeraCore does not ship: neither sent, counted nor fulfilled.
    pub skip: GlobSet,
    /// Vendure's SKU to VeraCore's; other SKUs are the same in both. Several SKUs of Vendure may map
    /// to one of VeraCore.
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
    /// True if VeraCore does not ship it. `sku` is as the shop has it, possibly blank.
    pub fn skips(&self, sku: &str) -> bool {
        // Matching costs time even with an empty set.
        !self.skip.is_empty() && self.skip.is_match(sku)
    }

    /// A SKU of Vendure that maps to this SKU of VeraCore, if any.
    pub fn shop_sku(&self, at_warehouse: &Sku) -> Option<Sku> {
        // Most are the same.
        if self
            .map
            .get(at_warehouse)
            .is_none_or(|to| to == at_warehouse)
        {
            return Some(at_warehouse.clone());
        }
        let mut mapped = self.map.iter().filter(|(_, to)| *to == at_warehouse);
        mapped.next().map(|(from, _)| from.clone())
    }

    /// VeraCore's SKU for a SKU of Vendure.
    pub fn warehouse_sku(&self, sku: Sku) -> Sku {
        self.map.get(&sku).cloned().unwrap_or(sku)
    }

    /// VeraCore's SKU, borrowed.
    pub fn warehouse_sku_str<'a>(&'a self, sku: &'a str) -> &'a str {
        self.map.get(sku).map_or(sku, Sku::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warehouse_sku_maps_to_a_shop_sku_that_maps_back() {
        let sku = |text: &str| Sku::parse(text).unwrap();
        let map = [
            ("MUG", "VC-MUG"),
            ("CUP", "VC-MUG"),
            ("PEN", "MUG"),
            ("X", "Y"),
        ];
        let rules = SkuRules {
            map: map.map(|(from, to)| (sku(from), sku(to))).into(),
            ..SkuRules::default()
        };
        for (warehouse, shop) in [
            ("VC-MUG", Some("VC-MUG")),
            ("MUG", Some("PEN")),
            ("A", Some("A")),
            ("X", None),
        ] {
            let found = rules.shop_sku(&sku(warehouse));
            assert_eq!(found, shop.map(sku), "{warehouse}");
            if let Some(found) = found {
                assert_eq!(rules.warehouse_sku(found), sku(warehouse));
            }
        }
    }
}
