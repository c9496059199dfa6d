//! Stock: `GetOffers`, or `GetProductAvailabilities` product by product.
//!
//! An offer without a quantity is an invalid row, not zero stock: some kinds of offers (print on
//! demand, drop shipment) have no stock at all. The same applies to an offer that is not a product.

use std::collections::{BTreeSet, VecDeque};

use parking_lot::Mutex;

use super::{
    super::common::{fields::ParseProblem, invalid_page_cursor, quantities::parse_units},
    calls::{SoapReply, SoapRequest},
    client::OmsClient,
    faults::SoapFaultKind,
    xml::Element,
};
use crate::{
    domain::{Sku, Units, text::one_line},
    fulfillment::{FeedRow, PageCursor, ProviderError, RowError, RowSink, StockItem},
};

/// The search for all offers: `%` is the services' wildcard.
pub(super) const ALL_OFFERS: &str = "%";

/// Products of one page. Each needs a call, and a shutdown waits for the page.
const PRODUCTS_PER_PAGE: usize = 50;

/// Concurrent product lookups, if the client's limit is not lower.
const MAX_PARALLEL_LOOKUPS: usize = 4;

/// VeraCore's words for a product in a fault that says that it does not have it.
const PRODUCT_TERMS: &[&str] = &["product", "part", "item"];

impl OmsClient {
    /// Passes the row of each offer whose id matches `search` to `take`.
    pub(super) async fn stream_offers<T: Send>(
        &self,
        name: &'static str,
        search: &str,
        read: fn(usize, &Element) -> FeedRow<T>,
        take: RowSink<'_, T>,
    ) -> Result<(), ProviderError> {
        let mut index = 0;
        let mut take = |element: Element| {
            take(read(index, &element));
            index += 1;
        };
        let arguments = [
            ("categoryGroupDescription", ""),
            ("mailerUID", ""),
            ("searchString", search),
            ("searchID", "true"),
            ("searchDescription", "false"),
            ("priceClassDescription", ""),
        ];
        let request = SoapRequest::read(name, "GetOffers", &arguments, &[]);
        match self.call(&request, Some(&mut take)).await? {
            // A null can mean that one offer does not exist; it must not mean an empty feed.
            SoapReply::Response {
                http_response,
                element,
            } if search == ALL_OFFERS && element.child("GetOffersResult").is_none() => {
                Err(http_response
                    .malformed("GetOffersResult is missing".into())
                    .into())
            }
            SoapReply::Response { .. } => Ok(()),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }

    pub(super) async fn find_offer(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        // In a search, `[` would start a set; `_` matches any one character.
        let search = sku.as_str().replace('[', "_");
        let key = one_line(sku.as_str(), 80);
        let mut found = None;
        self.stream_offers("inventory_of", &search, offer_row, &mut |row| {
            let is_match = match &row {
                Ok(item) => item.sku == *sku,
                Err(bad) => bad.key.as_ref() == Some(&key),
            };
            if is_match && found.is_none() {
                found = Some(row);
            }
        })
        .await?;
        Ok(found)
    }

    /// Reads a page of all products. The first page lists the offers, which say what is for sale; a
    /// cursor contains the products that are left.
    pub(super) async fn stream_products_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let mut remaining: VecDeque<Sku> = VecDeque::new();
        match page {
            Some(page) => {
                remaining =
                    serde_json::from_str(page.as_str()).map_err(|_| invalid_page_cursor())?;
            }
            None => {
                let mut listed = BTreeSet::new();
                self.stream_offers("inventory", ALL_OFFERS, offer_id, &mut |row| match row {
                    Ok(sku) if listed.insert(sku.clone()) => remaining.push_back(sku),
                    Ok(_) => {}
                    Err(bad) => take(Err(bad)),
                })
                .await?;
            }
        }
        let later = remaining.split_off(remaining.len().min(PRODUCTS_PER_PAGE));
        self.lookup_products(remaining)
            .await?
            .into_iter()
            .for_each(take);
        Ok((!later.is_empty()).then(|| PageCursor::new(serde_json::json!(later).to_string())))
    }

    /// Looks up products concurrently. One error fails them all: a gap must not look like no stock.
    async fn lookup_products(
        &self,
        products: VecDeque<Sku>,
    ) -> Result<Vec<FeedRow<StockItem>>, ProviderError> {
        let queue = Mutex::new(products.into_iter().enumerate().collect());
        let worker = |number| self.lookup_until_empty(number, &queue);
        let results = tokio::try_join!(worker(0), worker(1), worker(2), worker(3))?;
        let results: [_; MAX_PARALLEL_LOOKUPS] = results.into();
        let mut rows: Vec<_> = results.into_iter().flatten().collect();
        rows.sort_by_key(|(index, _)| *index);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Looks up products one by one until the queue is empty.
    async fn lookup_until_empty(
        &self,
        number: usize,
        queue: &Mutex<VecDeque<(usize, Sku)>>,
    ) -> Result<Vec<(usize, FeedRow<StockItem>)>, ProviderError> {
        let mut rows = Vec::new();
        if number >= self.settings.limits.max_concurrency.max(1) {
            return Ok(rows);
        }
        loop {
            let next = queue.lock().pop_front();
            let Some((index, sku)) = next else {
                return Ok(rows);
            };
            let row = self.find_product("inventory", &sku).await?;
            let row = row.unwrap_or_else(|| {
                let problem = "no product has this offer's id (kits, print on demand and drop shipments have none): its stock is unknown";
                Err(RowError::new(index, Some(sku.as_str()), problem.into()))
            });
            rows.push((index, row.map_err(|bad| RowError { index, ..bad })));
        }
    }

    /// Adds up a product's stock at the configured warehouses.
    pub(super) async fn find_product(
        &self,
        name: &'static str,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        let mut levels = Vec::new();
        let mut take = |element: Element| {
            levels.extend(
                element
                    .list_items("Warehouses", "WarehouseLevels")
                    .into_iter()
                    .filter(|level| level.child_text("PartNumber") == Some(sku.as_str().trim()))
                    .map(WarehouseLevel::of),
            );
        };
        let mut arguments = vec![("partNumber", sku.as_str())];
        arguments.extend(self.settings.owner.as_deref().map(|owner| ("owner", owner)));
        let operation = "GetProductAvailabilities";
        let request = SoapRequest::read(name, operation, &arguments, PRODUCT_TERMS);
        match self.call(&request, Some(&mut take)).await? {
            SoapReply::Response { .. } => {}
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => return Ok(None),
            SoapReply::Fault(fault) => return Err(fault.with_subject(sku.as_str()).into_error()),
        }
        if levels.is_empty() {
            return Ok(None);
        }
        let warehouses = &self.settings.warehouses;
        let is_counted = |level: &&WarehouseLevel| {
            warehouses.is_empty()
                || level
                    .warehouse
                    .as_ref()
                    .is_some_and(|id| warehouses.contains(id))
        };
        let sum = sum(sku, levels.iter().filter(is_counted));
        Ok(Some(sum.map_err(|problem| {
            RowError::new(0, Some(sku.as_str()), problem).about_quantity()
        })))
    }
}

fn offer_id(index: usize, offer: &Element) -> FeedRow<Sku> {
    let id = offer.child_text("ID");
    id.ok_or_else(|| "ID is missing".to_owned())
        .and_then(|id| Sku::parse(id).map_err(|error| format!("ID: {error}")))
        .map_err(|problem| RowError::new(index, id, problem))
}

pub(super) fn offer_row(index: usize, offer: &Element) -> FeedRow<StockItem> {
    let sku = offer_id(index, offer)?;
    let bad = |problem: ParseProblem| RowError::new(index, offer.child_text("ID"), problem);
    let available = offer
        .child_text("Available")
        .ok_or_else(|| bad("Available is null".into()))?;
    Ok(StockItem {
        sku,
        available: units("Available", available)
            .map_err(|problem| bad(problem).about_quantity())?,
        reserved: None,
        on_hand: None,
    })
}

fn units(field: &str, text: &str) -> Result<Units, ParseProblem> {
    parse_units(text).map_err(|error| format!("{field}: {error}"))
}

struct WarehouseLevel {
    warehouse: Option<String>,
    available: Result<Units, ParseProblem>,
    reserved: Option<Units>,
    on_hand: Option<Units>,
}

impl WarehouseLevel {
    fn of(element: &Element) -> Self {
        let count = |field: &str| element.child_text(field).map(|text| units(field, text));
        Self {
            warehouse: element
                .child("Warehouse")
                .and_then(|warehouse| warehouse.child_text("ID"))
                .map(str::to_owned),
            available: count("Available").unwrap_or_else(|| Err("Available is missing".into())),
            reserved: count("Reserved").and_then(Result::ok),
            on_hand: count("OnHand").and_then(Result::ok),
        }
    }
}

/// Adds up levels; without any, the stock is zero.
fn sum<'a>(
    sku: &Sku,
    levels: impl Iterator<Item = &'a WarehouseLevel>,
) -> Result<StockItem, ParseProblem> {
    let mut total = StockItem {
        sku: sku.clone(),
        available: Units::ZERO,
        reserved: Some(Units::ZERO),
        on_hand: Some(Units::ZERO),
    };
    for level in levels {
        total.available = add(total.available, level.available.clone()?)
            .ok_or("Available: the sum over the warehouses is too large")?;
        let both = |a: Option<Units>, b: Option<Units>| add(a?, b?);
        total.reserved = both(total.reserved, level.reserved);
        total.on_hand = both(total.on_hand, level.on_hand);
    }
    Ok(total)
}

fn add(one: Units, other: Units) -> Option<Units> {
    Units::new(one.get().checked_add(other.get())?).ok()
}
