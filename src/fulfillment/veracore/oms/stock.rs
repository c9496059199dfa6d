//! Stock: `GetOffers`, and `GetProductAvailabilities` product by product.
//!
//! Owns what counts as available. An offer without a number is a row that makes no sense, never one
//! of none: some kinds of offers (print on demand, drop shipment) have no stock at all. The same goes
//! for an offer that is no product.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use super::{
    super::rest::values::{self, Problem},
    OmsClient,
    calls::{Question, Reply},
    faults::Kind,
    xml::{Element, Xml},
};
use crate::{
    domain::{Sku, Units, text::one_line},
    fulfillment::{BadRow, PageRef, ProviderError, Row, StockItem, TakeRow},
    http::Effect,
};

/// All offers (`%` is the services' wildcard).
pub(super) const EVERYTHING: &str = "%";

/// Products of one page: each is a question, and a stop waits for a page.
const PAGE: usize = 50;

/// Products that are asked for at a time, if the client's limit is not lower.
pub(super) const LANES: usize = 4;

/// What VeraCore may call what is asked for, where it says that it does not have it.
const PRODUCT: &[&str] = &["product", "part", "item"];

impl OmsClient {
    /// Hands over what is made of each offer whose id is like `search`.
    pub(super) async fn offers<T: Send>(
        &self,
        name: &'static str,
        search: &str,
        read: fn(usize, &Element) -> Row<T>,
        take: TakeRow<'_, T>,
    ) -> Result<(), ProviderError> {
        let mut index = 0;
        let mut take = |element: Element| {
            take(read(index, &element));
            index += 1;
        };
        let question = Question {
            name,
            operation: "GetOffers",
            effect: Effect::Read,
            arguments: search_offers(search),
            about: &[],
            private: Vec::new(),
        };
        match self.ask(&question, Some(&mut take)).await? {
            // Null may stand for "none" where one offer is looked for; a whole feed of none is not
            // to be guessed.
            Reply::Response { answer, response }
                if search == EVERYTHING && response.child("GetOffersResult").is_none() =>
            {
                Err(answer.malformed("GetOffersResult is missing".into()).into())
            }
            Reply::Response { .. } => Ok(()),
            Reply::Fault(fault) => Err(fault.error()),
        }
    }

    /// The one offer of this id.
    pub(super) async fn offer(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError> {
        // In a pattern `[` would begin a set; `_` stands for any one character.
        let search = sku.as_str().replace('[', "_");
        let key = one_line(sku.as_str(), 80);
        let mut found = None;
        self.offers("inventory_of", &search, offer_row, &mut |row| {
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
    pub(super) async fn products(
        &self,
        page: Option<&PageRef>,
        take: TakeRow<'_, StockItem>,
    ) -> Result<Option<PageRef>, ProviderError> {
        let mut left: VecDeque<Sku> = VecDeque::new();
        match page {
            Some(page) => {
                left = serde_json::from_str(&page.0).map_err(|_| super::foreign_page())?;
            }
            None => {
                let mut listed = BTreeSet::new();
                self.offers("inventory", EVERYTHING, offer_id, &mut |row| match row {
                    Ok(sku) if listed.insert(sku.clone()) => left.push_back(sku),
                    Ok(_) => {}
                    Err(bad) => take(Err(bad)),
                })
                .await?;
            }
        }
        let later = left.split_off(left.len().min(PAGE));
        self.levels_of(left).await?.into_iter().for_each(take);
        Ok((!later.is_empty()).then(|| PageRef(serde_json::json!(later).to_string())))
    }

    /// A row for each product, some asked for at a time. One that is not told is an error of them
    /// all: a gap must not look like an empty shelf.
    async fn levels_of(
        &self,
        products: VecDeque<Sku>,
    ) -> Result<Vec<Row<StockItem>>, ProviderError> {
        let left = Mutex::new(products.into_iter().enumerate().collect());
        let lane = |number| self.lane(number, &left);
        let lanes = tokio::try_join!(lane(0), lane(1), lane(2), lane(3))?;
        let lanes: [_; LANES] = lanes.into();
        let mut rows: Vec<_> = lanes.into_iter().flatten().collect();
        rows.sort_by_key(|(index, _)| *index);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Asks for one product after the other, until none is left.
    async fn lane(
        &self,
        number: usize,
        left: &Mutex<VecDeque<(usize, Sku)>>,
    ) -> Result<Vec<(usize, Row<StockItem>)>, ProviderError> {
        let mut rows = Vec::new();
        if number >= self.lanes {
            return Ok(rows);
        }
        loop {
            let next = left
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((index, sku)) = next else {
                return Ok(rows);
            };
            let row = match self.product("inventory", &sku).await? {
                Some(row) => row,
                None => Err(BadRow {
                    index,
                    key: Some(one_line(sku.as_str(), 80)),
                    problem: "no product has this offer's id (kits, print on demand and drop shipments have none): its stock is not known".into(),
                    in_quantity: false,
                }),
            };
            rows.push((index, row.map_err(|bad| BadRow { index, ..bad })));
        }
    }

    /// The levels of one product, added up over the warehouses that count.
    pub(super) async fn product(
        &self,
        name: &'static str,
        sku: &Sku,
    ) -> Result<Option<Row<StockItem>>, ProviderError> {
        let mut arguments = Xml::default();
        arguments.text("partNumber", sku.as_str());
        if let Some(owner) = &self.owner {
            arguments.text("owner", owner);
        }
        let mut levels = Vec::new();
        let mut take = |element: Element| {
            levels.extend(
                element
                    .list("Warehouses", "WarehouseLevels")
                    .into_iter()
                    .filter(|level| level.text("PartNumber") == Some(sku.as_str().trim()))
                    .map(Level::of),
            );
        };
        let question = Question {
            name,
            operation: "GetProductAvailabilities",
            effect: Effect::Read,
            arguments: arguments.into_string(),
            about: PRODUCT,
            private: Vec::new(),
        };
        match self.ask(&question, Some(&mut take)).await? {
            Reply::Response { .. } => {}
            Reply::Fault(fault) if fault.kind == Kind::Missing => return Ok(None),
            Reply::Fault(fault) => return Err(fault.about(sku.as_str()).error()),
        }
        if levels.is_empty() {
            return Ok(None);
        }
        let counts = |level: &&Level| {
            self.warehouses.is_empty()
                || level
                    .warehouse
                    .as_ref()
                    .is_some_and(|id| self.warehouses.contains(id))
        };
        let sum = sum(sku, levels.iter().filter(counts)).map_err(|problem| BadRow {
            index: 0,
            key: Some(one_line(sku.as_str(), 80)),
            problem,
            in_quantity: true,
        });
        Ok(Some(sum))
    }
}

fn search_offers(search: &str) -> String {
    let mut xml = Xml::default();
    xml.text("categoryGroupDescription", "");
    xml.text("mailerUID", "");
    xml.text("searchString", search);
    xml.text("searchID", "true");
    xml.text("searchDescription", "false");
    xml.text("priceClassDescription", "");
    xml.into_string()
}

fn bad_offer(index: usize, element: &Element, problem: Problem, in_quantity: bool) -> BadRow {
    BadRow {
        index,
        key: element.text("ID").map(|id| one_line(id, 80)),
        problem,
        in_quantity,
    }
}

fn offer_id(index: usize, element: &Element) -> Row<Sku> {
    let bad = |problem: Problem| bad_offer(index, element, problem, false);
    let id = element
        .text("ID")
        .ok_or_else(|| bad("ID is missing".into()))?;
    Sku::parse(id).map_err(|error| bad(format!("ID: {error}")))
}

pub(super) fn offer_row(index: usize, element: &Element) -> Row<StockItem> {
    let bad = |problem: Problem, in_quantity| bad_offer(index, element, problem, in_quantity);
    let sku = offer_id(index, element)?;
    let available = element
        .text("Available")
        .ok_or_else(|| bad("Available is null".into(), false))?;
    Ok(StockItem {
        sku,
        available: units("Available", available).map_err(|problem| bad(problem, true))?,
        reserved: None,
        on_hand: None,
    })
}

fn units(field: &str, text: &str) -> Result<Units, Problem> {
    values::whole(text).map_err(|error| format!("{field}: {error}"))
}

/// A product's stock at one warehouse.
struct Level {
    warehouse: Option<String>,
    available: Result<Units, Problem>,
    reserved: Option<Units>,
    on_hand: Option<Units>,
}

impl Level {
    fn of(element: &Element) -> Self {
        let count = |field: &str| element.text(field).map(|text| units(field, text));
        Self {
            warehouse: element
                .child("Warehouse")
                .and_then(|warehouse| warehouse.text("ID"))
                .map(str::to_owned),
            available: count("Available").unwrap_or_else(|| Err("Available is missing".into())),
            reserved: count("Reserved").and_then(Result::ok),
            on_hand: count("OnHand").and_then(Result::ok),
        }
    }
}

/// Nothing at any warehouse that counts is nothing.
fn sum<'a>(sku: &Sku, levels: impl Iterator<Item = &'a Level>) -> Result<StockItem, Problem> {
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
