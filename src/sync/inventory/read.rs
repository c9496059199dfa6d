//! Reading what a plan is made of, in the order in which it must be read.

use std::collections::BTreeSet;

use super::{InventoryError, InventorySync, acknowledged::Acknowledged, feed::Feed, plan::Shop};
use crate::{
    domain::{LocationId, Sku},
    ledger::SentOrder,
    sync::{pages::Pages, preflight::choose_location, shrink},
    vendure::{Progress, StorefrontError, Variant, Variants},
};

/// The shop's list is begun again when it changes while it is read; so often at most.
const WALKS: u32 = 3;

/// Orders asked for at once; whole lines come back for each.
pub(super) const ORDERS: usize = 100;

/// Everything that a plan is made of.
pub(super) struct Read {
    pub location: LocationId,
    pub feed: Feed,
    pub variants: Vec<Variant>,
    pub open: Vec<SentOrder>,
    pub known: Acknowledged,
    /// Variants and orders of the shop's that could not be understood, and were left out.
    pub unreadable: u64,
}

impl Read {
    pub fn shop(&self) -> Shop<'_> {
        Shop {
            variants: &self.variants,
            known: &self.known,
            earlier: None,
        }
    }
}

impl InventorySync {
    /// Reads it all, or what concerns one of the shop's SKUs.
    pub(super) async fn read(&self, only: Option<&Sku>) -> Result<Read, InventoryError> {
        let locations = self.storefront.stock_locations().await?;
        let location = choose_location(&locations, self.settings.location.as_deref())?;
        let location = LocationId::parse(location.id.clone())
            .map_err(|problem| StorefrontError::field("stock_locations", "id", &problem))?;
        let at_warehouse = only.map(|sku| self.settings.rules.skus.at_warehouse(sku.clone()));
        // Before VeraCore is asked: what it acknowledged later may not be taken off in its feed.
        let open = self
            .ledger
            .open_orders(at_warehouse.as_ref().map(std::slice::from_ref))
            .await?;
        // The levels before the orders: what is fulfilled in between would be given back twice the
        // other way round.
        let (variants, mut unreadable) = match only {
            Some(sku) => self.variants_of(sku, &location).await?,
            None => self.all_variants(&location).await?,
        };
        if let Some(sku) = only
            && variants.is_empty()
        {
            return Err(InventoryError::NoVariant(sku.clone()));
        }
        self.go_on()?;
        let (progress, bad) = self.progress(&open).await?;
        unreadable += bad;
        // Last: whatever leaves the shop from now on shows against what was read.
        let feed = match &at_warehouse {
            Some(sku) => self.shelf_of(sku).await?,
            None => self.whole_feed().await?,
        };
        Ok(Read {
            location,
            known: Acknowledged::of(&open, &progress),
            feed,
            variants,
            open,
            unreadable,
        })
    }

    async fn whole_feed(&self) -> Result<Feed, InventoryError> {
        let mut feed = Feed::asked_at(self.clock.now());
        let mut pages = Pages::default();
        loop {
            self.go_on()?;
            let mut take = |row| feed.take(row);
            let next = self.provider.inventory(pages.current(), &mut take).await?;
            let Some(next) = next else {
                return Ok(feed);
            };
            pages.turn(next).map_err(InventoryError::Endless)?;
        }
    }

    async fn shelf_of(&self, sku: &Sku) -> Result<Feed, InventoryError> {
        let mut feed = Feed::asked_at(self.clock.now());
        match self.provider.inventory_of(sku).await? {
            Some(row) => feed.take(row),
            None => return Err(InventoryError::UnknownSku(sku.clone())),
        }
        Ok(feed)
    }

    /// The variants of a SKU of the shop's, and those that share the goods with it.
    async fn variants_of(
        &self,
        sku: &Sku,
        location: &LocationId,
    ) -> Result<(Vec<Variant>, u64), InventoryError> {
        let skus = &self.settings.rules.skus;
        let at_warehouse = skus.at_warehouse(sku.clone());
        let mut names: BTreeSet<Sku> = BTreeSet::from([sku.clone(), at_warehouse.clone()]);
        let mapped = skus.map.iter().filter(|(_, to)| **to == at_warehouse);
        names.extend(mapped.map(|(from, _)| from.clone()));
        let names: Vec<Sku> = names.into_iter().collect();
        let page = self
            .storefront
            .variants(Variants::Skus(&names), location)
            .await?;
        let unreadable = complain(&page.unreadable);
        Ok((page.variants, unreadable))
    }

    /// All variants of the channel. Pages overlap by one variant: when they do not join, one was
    /// removed meanwhile, and another may have slipped between them.
    async fn all_variants(
        &self,
        location: &LocationId,
    ) -> Result<(Vec<Variant>, u64), InventoryError> {
        for _ in 0..WALKS {
            if let Some(found) = self.walk(location).await? {
                return Ok(found);
            }
        }
        Err(InventoryError::Restless)
    }

    async fn walk(
        &self,
        location: &LocationId,
    ) -> Result<Option<(Vec<Variant>, u64)>, InventoryError> {
        let mut take = self.settings.page.max(2);
        let (mut variants, mut unreadable) = (Vec::new(), 0);
        let mut skip = 0;
        let mut last: Option<String> = None;
        loop {
            self.go_on()?;
            let which = Variants::Page { skip, take };
            let page = match self.storefront.variants(which, location).await {
                Err(error) if take > 2 && shrink(&error, &mut take) => {
                    take = take.max(2);
                    continue;
                }
                page => page?,
            };
            let joins = match (&last, &page.ends) {
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
            unreadable += complain(bad);
            variants.extend(page.variants.into_iter().filter(|v| new(v.id.as_str())));
            let held = u32::try_from(page.len).unwrap_or(u32::MAX);
            if held < take {
                return Ok(Some((variants, unreadable)));
            }
            skip += held - 1;
            last = page.ends.map(|(_, last)| last);
        }
    }

    /// How far orders are fulfilled in the shop, and how many could not be understood.
    pub(super) async fn progress(
        &self,
        orders: &[SentOrder],
    ) -> Result<(Vec<Progress>, u64), InventoryError> {
        let (mut progress, mut unreadable) = (Vec::new(), 0);
        let size = ORDERS.min(self.settings.page as usize).max(1);
        for some in orders.chunks(size) {
            let ids: Vec<_> = some.iter().map(|order| order.order_id.clone()).collect();
            let page = self.storefront.progress(&ids).await?;
            unreadable += complain(&page.unreadable);
            progress.extend(page.orders);
        }
        Ok((progress, unreadable))
    }

    pub(super) fn go_on(&self) -> Result<(), InventoryError> {
        if self.tasks.stopping() {
            return Err(InventoryError::Stopped);
        }
        Ok(())
    }
}

/// Says what cannot be understood, and how much that is.
fn complain<'a>(unreadable: impl IntoIterator<Item = &'a crate::vendure::UnreadableItem>) -> u64 {
    let mut count = 0;
    for bad in unreadable {
        count += 1;
        tracing::warn!(
            item = bad.key,
            problem = bad.problem,
            "Vendure: an item cannot be understood and is left out of VeraCore's stock"
        );
    }
    count
}
