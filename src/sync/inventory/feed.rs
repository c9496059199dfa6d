//! VeraCore's stock feed, collected row by row with its errors. Pure.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};

use crate::{
    domain::{Sku, Units},
    fulfillment::{FeedRow, MAX_EXAMPLES, RowError, StockItem},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEntry {
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
    /// The first row with this SKU, counted from 0.
    pub row: usize,
}

impl FeedEntry {
    fn has_same_quantities(&self, other: &Self) -> bool {
        let quantities = |entry: &Self| (entry.available, entry.reserved, entry.on_hand);
        quantities(self) == quantities(other)
    }
}

/// A whole feed, or the requested part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Just before the first request.
    pub requested_at: DateTime<Utc>,
    /// By VeraCore's SKU.
    pub entries: HashMap<Sku, FeedEntry>,
    /// SKUs that came more than once with different numbers. None of the numbers is used.
    pub contradictory: BTreeSet<Sku>,
    /// All rows, valid or not.
    pub rows: u64,
    pub bad_quantities: u64,
    /// Rows that are invalid for another reason, left out.
    pub unreadable: u64,
    /// Examples of both.
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
        let entry = FeedEntry {
            available: item.available,
            reserved: item.reserved,
            on_hand: item.on_hand,
            row: at,
        };
        match self.entries.entry(item.sku) {
            Entry::Vacant(free) => {
                free.insert(entry);
            }
            Entry::Occupied(known) if !known.get().has_same_quantities(&entry) => {
                let (sku, _) = known.remove_entry();
                self.contradictory.insert(sku);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// One more than the row of any entry.
    pub fn row_index_end(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }
}
