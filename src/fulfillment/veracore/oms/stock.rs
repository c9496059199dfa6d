//! Stock: `GetOffers`, and `GetProductAvailabilities` product by product.
//!
//! Owns what counts as available. An offer without a number is a row that makes no sense, never one
//! of none: some kinds of offers (print on demand, drop shipment) have no stock at all. The same goes
//! for an offer that is no product.

use parking_lot::Mutex;
use std::collections::{BTreeSet, VecDeque};

use super::{
    super::common::fields::{self, ParseProblem},
    OmsClient,
    calls::{SoapReply, SoapRequest},
    faults::SoapFaultKind,
    xml::{Element, XmlWriter},
};
use crate::{
    domain::{Sku, Units, text::one_line},
    fulfillment::{FeedRow, PageCursor, ProviderError, RowError, RowSink, StockItem},
    http::CallKind,
};

/// All offers (`%` is the services' wildcard).
pub(super) const ALL_OFFERS: &str = "%";

/// Products of one page: each is a question, and a stop waits for a page.
const PRODUCTS_PER_PAGE: usize = 50;

/// Products that are asked for at a time, if the client's limit is not lower.
pub(super) const MAX_PARALLEL_LOOKUPS: usize = 4;

/// What VeraCore may call what is asked for, where it says that it does not have it.
const PRODUCT_TERMS: &[&str] = &["product", "part", "item"];

impl OmsClient {
    /// Hands over what is made of each offer whose id is like `search`.
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
        let question = SoapRequest {
            name,
            operation: "GetOffers",
            effect: CallKind::Read,
            arguments: offer_search_arguments(search),
            subject_terms: &[],
            redactions: Vec::new(),
        };
        match self.call(&question, Some(&mut take)).await? {
            // Null may stand for "none" where one offer is looked for; a whole feed of none is not
            // to be guessed.
            SoapReply::Response { answer, response }
                if search == ALL_OFFERS && response.child("GetOffersResult").is_none() =>
            {
                Err(answer.malformed("GetOffersResult is missing".into()).into())
            }
            SoapReply::Response { .. } => Ok(()),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }

    /// The one offer of this id.
    pub(super) async fn find_offer(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        // In a pattern `[` would begin a set; `_` stands for any one character.
        let search = sku.as_str().replace('[', "_");
        let key = one_line(sku.as_str(), 80);
        let mut found = None;
        self.stream_offers("inventory_of", &search, offer_row, &mut |row| {
            let is_it = match &row {
                Ok(item) => item.sku == *sku,
                Err(bad) => bad.key.as_ref() == Some(&key),
            };
            if is_it && found.is_none() {
                found = Some(row);
            }
        })
        .await?;
        Ok(found)
    }

    /// A page of all products. What there is to sell only the offers tell, so they are listed first;
    /// a page names those that are still to be asked for.
    pub(super) async fn stream_products_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let mut left: VecDeque<Sku> = VecDeque::new();
        match page {
            Some(page) => {
                left = serde_json::from_str(&page.0).map_err(|_| super::invalid_page_cursor())?;
            }
            None => {
                let mut listed = BTreeSet::new();
                self.stream_offers("inventory", ALL_OFFERS, offer_id, &mut |row| match row {
                    Ok(sku) if listed.insert(sku.clone()) => left.push_back(sku),
                    Ok(_) => {}
                    Err(bad) => take(Err(bad)),
                })
                .await?;
            }
        }
        let later = left.split_off(left.len().min(PRODUCTS_PER_PAGE));
        self.lookup_products(left).await?.into_iter().for_each(take);
        Ok((!later.is_empty()).then(|| PageCursor(serde_json::json!(later).to_string())))
    }

    /// A row for each product, some asked for at a time. One that is not told is an error of them
    /// all: a gap must not look like an empty shelf.
    async fn lookup_products(
        &self,
        products: VecDeque<Sku>,
    ) -> Result<Vec<FeedRow<StockItem>>, ProviderError> {
        let left = Mutex::new(products.into_iter().enumerate().collect());
        let lane = |number| self.lookup_until_empty(number, &left);
        let lanes = tokio::try_join!(lane(0), lane(1), lane(2), lane(3))?;
        let lanes: [_; MAX_PARALLEL_LOOKUPS] = lanes.into();
        let mut rows: Vec<_> = lanes.into_iter().flatten().collect();
        rows.sort_by_key(|(index, _)| *index);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Asks for one product after the other, until none is left.
    async fn lookup_until_empty(
        &self,
        number: usize,
        left: &Mutex<VecDeque<(usize, Sku)>>,
    ) -> Result<Vec<(usize, FeedRow<StockItem>)>, ProviderError> {
        let mut rows = Vec::new();
        if number >= self.max_parallel_lookups {
            return Ok(rows);
        }
        loop {
            let next = left.lock().pop_front();
            let Some((index, sku)) = next else {
                return Ok(rows);
            };
            let row = match self.find_product("inventory", &sku).await? {
                Some(row) => row,
                None => Err(RowError {
                    index,
                    key: Some(one_line(sku.as_str(), 80)),
                    problem: "no product has this offer's id (kits, print on demand and drop shipments have none): its stock is not known".into(),
                    is_quantity_error: false,
                }),
            };
            rows.push((index, row.map_err(|bad| RowError { index, ..bad })));
        }
    }

    /// The levels of one product, added up over the warehouses that count.
    pub(super) async fn find_product(
        &self,
        name: &'static str,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        let mut arguments = XmlWriter::default();
        arguments.text_element("partNumber", sku.as_str());
        if let Some(owner) = &self.owner {
            arguments.text_element("owner", owner);
        }
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
        let question = SoapRequest {
            name,
            operation: "GetProductAvailabilities",
            effect: CallKind::Read,
            arguments: arguments.into_string(),
            subject_terms: PRODUCT_TERMS,
            redactions: Vec::new(),
        };
        match self.call(&question, Some(&mut take)).await? {
            SoapReply::Response { .. } => {}
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => return Ok(None),
            SoapReply::Fault(fault) => return Err(fault.with_subject(sku.as_str()).into_error()),
        }
        if levels.is_empty() {
            return Ok(None);
        }
        let counts = |level: &&WarehouseLevel| {
            self.warehouses.is_empty()
                || level
                    .warehouse
                    .as_ref()
                    .is_some_and(|id| self.warehouses.contains(id))
        };
        let sum = sum(sku, levels.iter().filter(counts)).map_err(|problem| RowError {
            index: 0,
            key: Some(one_line(sku.as_str(), 80)),
            problem,
            is_quantity_error: true,
        });
        Ok(Some(sum))
    }
}

fn offer_search_arguments(search: &str) -> String {
    let mut xml = XmlWriter::default();
    xml.text_element("categoryGroupDescription", "");
    xml.text_element("mailerUID", "");
    xml.text_element("searchString", search);
    xml.text_element("searchID", "true");
    xml.text_element("searchDescription", "false");
    xml.text_element("priceClassDescription", "");
    xml.into_string()
}

fn bad_offer(
    index: usize,
    element: &Element,
    problem: ParseProblem,
    in_quantity: bool,
) -> RowError {
    RowError {
        index,
        key: element.child_text("ID").map(|id| one_line(id, 80)),
        problem,
        is_quantity_error: in_quantity,
    }
}

fn offer_id(index: usize, element: &Element) -> FeedRow<Sku> {
    let bad = |problem: ParseProblem| bad_offer(index, element, problem, false);
    let id = element
        .child_text("ID")
        .ok_or_else(|| bad("ID is missing".into()))?;
    Sku::parse(id).map_err(|error| bad(format!("ID: {error}")))
}

pub(super) fn offer_row(index: usize, element: &Element) -> FeedRow<StockItem> {
    let bad = |problem: ParseProblem, in_quantity| bad_offer(index, element, problem, in_quantity);
    let sku = offer_id(index, element)?;
    let available = element
        .child_text("Available")
        .ok_or_else(|| bad("Available is null".into(), false))?;
    Ok(StockItem {
        sku,
        available: units("Available", available).map_err(|problem| bad(problem, true))?,
        reserved: None,
        on_hand: None,
    })
}

fn units(field: &str, text: &str) -> Result<Units, ParseProblem> {
    fields::parse_units(text).map_err(|error| format!("{field}: {error}"))
}

/// A product's stock at one warehouse.
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

/// Nothing at any warehouse that counts is nothing.
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
            .ok_or("Available: the warehouses together have more than makes sense")?;
        let both = |a: Option<Units>, b: Option<Units>| add(a?, b?);
        total.reserved = both(total.reserved, level.reserved);
        total.on_hand = both(total.on_hand, level.on_hand);
    }
    Ok(total)
}

fn add(one: Units, other: Units) -> Option<Units> {
    Units::new(one.get().checked_add(other.get())?).ok()
}
