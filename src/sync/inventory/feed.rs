//! What VeraCore says it has, row by row, and what is strange about it. Pure.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};

use crate::{
    domain::{Sku, Units},
    fulfillment::{BadRow, Row, StockItem},
};

/// Examples kept of what may come by the thousand.
pub const EXAMPLES: usize = 20;

/// What VeraCore has of one SKU, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
    /// Which of the feed's rows told of it first, counted from 0.
    pub row: usize,
}

impl Shelf {
    fn agrees(&self, other: &Self) -> bool {
        let told = |shelf: &Self| (shelf.available, shelf.reserved, shelf.on_hand);
        told(self) == told(other)
    }
}

/// A whole feed, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Just before VeraCore was asked.
    pub asked_at: DateTime<Utc>,
    /// By VeraCore's SKU.
    pub shelves: HashMap<Sku, Shelf>,
    /// SKUs that came more than once with different numbers: none of them is believed.
    pub contradicted: BTreeSet<Sku>,
    /// How many rows came, good or bad.
    pub rows: u64,
    /// How many rows had a quantity that is none.
    pub bad_quantities: u64,
    /// How many rows could not be read for another reason; those are left out.
    pub unreadable: u64,
    /// What is wrong with some of both.
    pub examples: Vec<BadRow>,
}

impl Feed {
    #[must_use]
    pub fn asked_at(asked_at: DateTime<Utc>) -> Self {
        Self {
            asked_at,
            shelves: HashMap::new(),
            contradicted: BTreeSet::new(),
            rows: 0,
            bad_quantities: 0,
            unreadable: 0,
            examples: Vec::new(),
        }
    }

    pub fn take(&mut self, row: Row<StockItem>) {
        let at = self.shelf_rows();
        self.rows += 1;
        let item = match row {
            Ok(item) => item,
            Err(bad) => {
                if bad.in_quantity {
                    self.bad_quantities += 1;
                } else {
                    self.unreadable += 1;
                }
                if self.examples.len() < EXAMPLES {
                    self.examples.push(bad);
                }
                return;
            }
        };
        if self.contradicted.contains(&item.sku) {
            return;
        }
        let shelf = Shelf {
            available: item.available,
            reserved: item.reserved,
            on_hand: item.on_hand,
            row: at,
        };
        match self.shelves.entry(item.sku) {
            Entry::Vacant(free) => {
                free.insert(shelf);
            }
            Entry::Occupied(known) if !known.get().agrees(&shelf) => {
                let (sku, _) = known.remove_entry();
                self.contradicted.insert(sku);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// More than the row of any shelf.
    #[must_use]
    pub fn shelf_rows(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }
}
