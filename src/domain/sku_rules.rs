//! Which SKUs VeraCore ships, and their SKUs at VeraCore.

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
    pub fn skips(&self, sku: &str) -> bool {
        // An empty set takes the text apart all the same.
        !self.skip.is_empty() && self.skip.is_match(sku)
    }

    /// A SKU of the shop's that is called so at VeraCore, should there be several; nothing when no
    /// name of the shop's leads there.
    pub fn shop_sku(&self, at_warehouse: &Sku) -> Option<Sku> {
        // Most are called the same.
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

    /// What a SKU of the shop's is called at VeraCore.
    pub fn warehouse_sku(&self, sku: Sku) -> Sku {
        self.map.get(&sku).cloned().unwrap_or(sku)
    }

    /// The same of a SKU that is only looked at.
    pub fn warehouse_sku_str<'a>(&'a self, sku: &'a str) -> &'a str {
        self.map.get(sku).map_or(sku, Sku::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_a_name_that_leads_there() {
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
        for (there, here) in [
            ("VC-MUG", Some("VC-MUG")),
            ("MUG", Some("PEN")),
            ("A", Some("A")),
            ("X", None),
        ] {
            let found = rules.shop_sku(&sku(there));
            assert_eq!(found, here.map(sku), "{there}");
            if let Some(found) = found {
                assert_eq!(rules.warehouse_sku(found), sku(there));
            }
        }
    }
}
