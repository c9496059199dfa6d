//! Stock levels of product variants: reading them by the thousand, and writing them in batches.

use super::{StorefrontError, UnreadableItem, VendureClient};
use crate::domain::{LocationId, Sku, VariantId};

/// A product variant and its stock at the location that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub id: VariantId,
    /// As the shop has it, possibly blank. Not unique in the shop.
    pub sku: String,
    /// Whether the shop counts it at all (its own setting, or the shop's where it inherits that).
    pub tracked: bool,
    pub level: StockLevel,
}

/// What the shop has of a variant at one location, in units. A shop's numbers can be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StockLevel {
    pub on_hand: i64,
    /// Promised to orders that were paid and not yet fulfilled.
    pub allocated: i64,
}

/// Which variants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variants<'a> {
    /// All of the channel's, in the order of their ids.
    Page { skip: u32, take: u32 },
    /// No more than a page holds (1000).
    Ids(&'a [VariantId]),
    /// Those with one of these SKUs, spelled exactly so; no more than a page holds.
    Skus(&'a [Sku]),
}

/// A page of variants, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantPage {
    pub total: u64,
    pub variants: Vec<Variant>,
    /// Variants that could not be understood, each with the field: they stop nothing else.
    pub unreadable: Vec<UnreadableItem>,
    /// How many variants the page held, readable or not.
    pub len: usize,
    /// The ids of the first and the last one, readable or not, to see whether pages join.
    pub ends: Option<(String, String)>,
}

/// A stock on hand to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLevel {
    pub variant: VariantId,
    pub on_hand: u32,
}

impl VendureClient {
    pub(super) async fn read_variants(
        &self,
        _which: Variants<'_>,
        _location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        Err(super::not_yet("variants"))
    }

    pub(super) async fn write_stock(
        &self,
        _location: &LocationId,
        _levels: &[NewLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        Err(super::not_yet("set_stock"))
    }
}
