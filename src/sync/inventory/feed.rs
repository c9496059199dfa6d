//! What VeraCore says it has, row by row, and what is strange about it. Pure.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};

use crate::{
    domain::{Sku, Units},
    fulfillment::{FeedRow, MAX_EXAMPLES, RowError, StockItem},
};

/// What VeraCore has of one SKU, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEntry {
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
    /// Which of the feed's rows told of it first, counted from 0.
    pub row: usize,
}

impl FeedEntry {
    fn has_same_quantities(&self, other: &Self) -> bool {
        let told = |shelf: &Self| (shelf.available, shelf.reserved, shelf.on_hand);
        told(self) == told(other)
    }
}

/// A whole feed, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Just before VeraCore was asked.
    pub requested_at: DateTime<Utc>,
    /// By VeraCore's SKU.
    pub entries: HashMap<Sku, FeedEntry>,
    /// SKUs that came more than once with different numbers: none of them is believed.
    pub contradictory: BTreeSet<Sku>,
    /// How many rows came, good or bad.
    pub rows: u64,
    /// How many rows had a quantity that is none.
    pub bad_quantities: u64,
    /// How many rows could not be read for another reason; those are left out.
    pub unreadable: u64,
    /// What is wrong with some of both.
    pub examples: Vec<RowError>,
}

impl Feed {
    pub fn new(requested_at: DateTime<Utc>) -> Self {
        Self {
            requested_at,
            entries: HashMap::new(),
            contradictory: BTreeSet::new(),
            rows: 0,
            bad_quantities: 0,
            unreadable: 0,
            examples: Vec::new(),
        }
    }

    pub fn add_row(&mut self, row: FeedRow<StockItem>) {
        let at = self.row_index_end();
        self.rows += 1;
        let item = match row {
            Ok(item) => item,
            Err(bad) => {
                if bad.is_quantity_error {
                    self.bad_quantities += 1;
                } else {
                    self.unreadable += 1;
                }
                if self.examples.len() < MAX_EXAMPLES {
                    self.examples.push(bad);
                }
                return;
            }
        };
        if self.contradictory.contains(&item.sku) {
            return;
        }
        let shelf = FeedEntry {
            available: item.available,
            reserved: item.reserved,
            on_hand: item.on_hand,
            row: at,
        };
        match self.entries.entry(item.sku) {
            Entry::Vacant(free) => {
                free.insert(shelf);
            }
            Entry::Occupied(known) if !known.get().has_same_quantities(&shelf) => {
                let (sku, _) = known.remove_entry();
                self.contradictory.insert(sku);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// More than the row of any shelf.
    pub fn row_index_end(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }
}
