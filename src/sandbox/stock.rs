//! Stock per SKU: units on hand and reserved.

use std::collections::BTreeMap;

use serde::Serialize;

/// The stock of one SKU, in units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StockLevel {
    #[serde(rename = "SKU")]
    pub sku: String,
    /// On hand minus reserved, but never below zero.
    pub available_quantity: u32,
    pub reserved_quantity: u32,
    pub on_hand_quantity: u32,
}

#[derive(Default)]
struct Shelf {
    /// `None`: ordered but never stocked. Such a SKU is in no list.
    on_hand: Option<u32>,
    reserved: u32,
}

impl Shelf {
    fn on_hand(&self) -> u32 {
        self.on_hand.unwrap_or(0)
    }
}

/// The stock of all SKUs.
#[derive(Default)]
pub(super) struct Stock(BTreeMap<String, Shelf>);

impl Stock {
    pub fn set(&mut self, sku: &str, on_hand: u32) -> StockLevel {
        let shelf = self.shelf(sku);
        shelf.on_hand = Some(on_hand);
        level_of(sku, on_hand, shelf.reserved)
    }

    /// Reserves units, even more than there are; then it returns false.
    pub fn reserve(&mut self, sku: &str, units: u32) -> bool {
        let shelf = self.shelf(sku);
        shelf.reserved = shelf.reserved.saturating_add(units);
        shelf.reserved <= shelf.on_hand()
    }

    /// Frees reserved units.
    pub fn release(&mut self, sku: &str, units: u32) {
        let shelf = self.shelf(sku);
        shelf.reserved = shelf.reserved.saturating_sub(units);
    }

    /// Removes reserved units. A test may ship units that it never stocked; then nothing is on hand
    /// afterwards.
    pub fn ship(&mut self, sku: &str, units: u32) {
        let shelf = self.shelf(sku);
        shelf.reserved = shelf.reserved.saturating_sub(units);
        shelf.on_hand = shelf.on_hand.map(|on_hand| on_hand.saturating_sub(units));
    }

    /// The reverse of [`Stock::ship`].
    pub fn unship(&mut self, sku: &str, units: u32) {
        let shelf = self.shelf(sku);
        shelf.reserved = shelf.reserved.saturating_add(units);
        shelf.on_hand = shelf.on_hand.map(|on_hand| on_hand.saturating_add(units));
    }

    pub fn level(&self, sku: &str) -> Option<StockLevel> {
        let shelf = self.0.get(sku)?;
        Some(level_of(sku, shelf.on_hand?, shelf.reserved))
    }

    pub fn levels(&self) -> Vec<StockLevel> {
        self.0
            .iter()
            .filter_map(|(sku, shelf)| Some(level_of(sku, shelf.on_hand?, shelf.reserved)))
            .collect()
    }

    fn shelf(&mut self, sku: &str) -> &mut Shelf {
        self.0.entry(sku.to_owned()).or_default()
    }
}

fn level_of(sku: &str, on_hand: u32, reserved: u32) -> StockLevel {
    StockLevel {
        sku: sku.to_owned(),
        available_quantity: on_hand.saturating_sub(reserved),
        reserved_quantity: reserved,
        on_hand_quantity: on_hand,
    }
}
