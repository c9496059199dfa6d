//! Reads the ledger, the shop and VeraCore's feed, in the order that the calculation needs.

use std::collections::BTreeSet;

use super::{acknowledged::AcknowledgedUnits, feed::Feed, plan::ShopStock, service::InventorySync};
use crate::{
    domain::{LocationId, Sku},
    ledger::SentOrder,
    sync::{
        error::SyncError,
        page_tracker::{PageTracker, fetch_progress, halve_if_too_large},
        preflight::choose_stock_location,
    },
    vendure::{FulfillmentProgress, StorefrontError, UnreadableItem, Variant, VariantSelection},
};

/// The most attempts to read a list that changes during the read.
const MAX_LIST_ATTEMPTS: u32 = 3;

/// Orders per call. Each comes back with all its lines.
pub(super) const ORDERS_PER_CALL: u32 = 100;

pub(super) struct StockSnapshot {
    pub location: LocationId,
    pub feed: Feed,
    pub variants: Vec<Variant>,
    pub open_orders: Vec<SentOrder>,
    pub acknowledged: AcknowledgedUnits,
    /// Invalid variants and orders of the shop's, left out.
    pub unreadable_items: u64,
}

impl StockSnapshot {
    pub fn shop_stock(&self) -> ShopStock<'_> {
        ShopStock {
            variants: &self.variants,
            acknowledged: &self.acknowledged,
            baseline: None,
        }
    }
}

impl InventorySync {
    /// Reads everything, or only what concerns one SKU of the shop's.
    pub(super) async fn read_stock(&self, only: Option<&Sku>) -> Result<StockSnapshot, SyncError> {
        let locations = self.storefront.stock_locations().await?;
        let location = choose_stock_location(&locations, self.settings.location.as_deref())?;
        let location = LocationId::parse(location.id.clone())
            .map_err(|problem| StorefrontError::invalid_field("stock_locations", "id", &problem))?;
        let at_warehouse = only.map(|sku| self.settings.rules.skus.warehouse_sku(sku.clone()));
        // Before VeraCore: its feed may not yet deduct orders that it acknowledges later.
        let open_orders = self
            .ledger
            .open_orders(at_warehouse.as_ref().map(std::slice::from_ref))
            .await?;
        // Levels before orders: the other way round, units fulfilled in between would be given back
        // twice.
        let (variants, mut unreadable) = match only {
            Some(sku) => self.fetch_variants_of(sku, &location).await?,
            None => self.fetch_all_variants(&location).await?,
        };
        if let Some(sku) = only
            && variants.is_empty()
        {
            return Err(SyncError::NoVariant(sku.clone()));
        }
        self.ensure_not_stopping()?;
        let (progress, bad) = self.fetch_progress(&open_orders).await?;
        unreadable += bad;
        // The feed last: units that leave the shop from now on show against what was read.
        let feed = match &at_warehouse {
            Some(sku) => self.fetch_feed_of(sku).await?,
            None => self.fetch_feed().await?,
        };
        Ok(StockSnapshot {
            location,
            acknowledged: AcknowledgedUnits::from_orders(&open_orders, &progress),
            feed,
            variants,
            open_orders,
            unreadable_items: unreadable,
        })
    }

    async fn fetch_feed(&self) -> Result<Feed, SyncError> {
        let mut feed = Feed::new(self.clock.now());
        let mut pages = PageTracker::default();
        loop {
            self.ensure_not_stopping()?;
            let mut take = |row| feed.add_row(row);
            let page = pages.current();
            let page = self.provider.stream_inventory_page(page, &mut take).await;
            let Some(next) = page.map_err(SyncError::Feed)? else {
                return Ok(feed);
            };
            pages.advance(next, "the stock feed")?;
        }
    }

    async fn fetch_feed_of(&self, sku: &Sku) -> Result<Feed, SyncError> {
        let mut feed = Feed::new(self.clock.now());
        let row = self.provider.find_stock_item(sku).await;
        let row = row.map_err(SyncError::Feed)?;
        feed.add_row(row.ok_or_else(|| SyncError::UnknownSku(sku.clone()))?);
        Ok(feed)
    }

    /// The variants with this SKU of the shop's, and those that share their goods.
    async fn fetch_variants_of(
        &self,
        sku: &Sku,
        location: &LocationId,
    ) -> Result<(Vec<Variant>, u64), SyncError> {
        let skus = &self.settings.rules.skus;
        let at_warehouse = skus.warehouse_sku(sku.clone());
        let mut names: BTreeSet<Sku> = BTreeSet::from([sku.clone(), at_warehouse.clone()]);
        let mapped = skus.map.iter().filter(|(_, to)| **to == at_warehouse);
        names.extend(mapped.map(|(from, _)| from.clone()));
        let names: Vec<Sku> = names.into_iter().collect();
        let page = self
            .storefront
            .variants(VariantSelection::Skus(&names), location)
            .await?;
        let unreadable = log_unreadable(&page.unreadable);
        Ok((page.variants, unreadable))
    }

    /// Reads all variants of the channel. Pages overlap by one variant: if they do not, a variant was
    /// removed meanwhile, and another may have slipped between two pages.
    async fn fetch_all_variants(
        &self,
        location: &LocationId,
    ) -> Result<(Vec<Variant>, u64), SyncError> {
        for _ in 0..MAX_LIST_ATTEMPTS {
            if let Some(found) = self.try_fetch_all_variants(location).await? {
                return Ok(found);
            }
        }
        Err(SyncError::VariantsKeepChanging)
    }

    async fn try_fetch_all_variants(
        &self,
        location: &LocationId,
    ) -> Result<Option<(Vec<Variant>, u64)>, SyncError> {
        let mut take = self.settings.page_size.max(2);
        let (mut variants, mut unreadable) = (Vec::new(), 0);
        let mut skip = 0;
        let mut last: Option<String> = None;
        loop {
            self.ensure_not_stopping()?;
            let which = VariantSelection::Page { skip, take };
            let page = match self.storefront.variants(which, location).await {
                Err(error) if take > 2 && halve_if_too_large(&error, &mut take) => {
                    take = take.max(2);
                    continue;
                }
                page => page?,
            };
            let joins = match (&last, &page.end_ids) {
                (None, _) => true,
                (Some(last), Some((first, _))) => last == first,
                (Some(_), None) => false,
            };
            if !joins {
                return Ok(None);
            }
            let known = last.take();
            let new = |id: &str| known.as_deref() != Some(id);
            let bad = page.unreadable.iter().filter(|bad| new(&bad.key));
            unreadable += log_unreadable(bad);
            variants.extend(page.variants.into_iter().filter(|v| new(v.id.as_str())));
            let len = u32::try_from(page.len).unwrap_or(u32::MAX);
            if len < take {
                return Ok(Some((variants, unreadable)));
            }
            skip += len - 1;
            last = page.end_ids.map(|(_, last)| last);
        }
    }

    /// Reads the fulfillment progress of orders, and counts the invalid ones.
    pub(super) async fn fetch_progress(
        &self,
        orders: &[SentOrder],
    ) -> Result<(Vec<FulfillmentProgress>, u64), SyncError> {
        let ids: Vec<_> = orders.iter().map(|order| order.order_id.clone()).collect();
        let size = ORDERS_PER_CALL.min(self.settings.page_size).max(1);
        let page = fetch_progress(&*self.storefront, &ids, size).await?;
        Ok((page.orders, log_unreadable(&page.unreadable)))
    }

    pub(super) fn ensure_not_stopping(&self) -> Result<(), SyncError> {
        if self.tasks.is_stopping() {
            return Err(SyncError::Stopped);
        }
        Ok(())
    }
}

/// Logs invalid items and returns their number.
fn log_unreadable<'a>(unreadable: impl IntoIterator<Item = &'a UnreadableItem>) -> u64 {
    let mut count = 0;
    for bad in unreadable {
        count += 1;
        tracing::warn!(
            item = bad.key,
            problem = bad.problem,
            "invalid item from Vendure left out of VeraCore's stock"
        );
    }
    count
}
