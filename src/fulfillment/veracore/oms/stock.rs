//! Stock: `GetOffers`, and `GetProductAvailabilities` for a single SKU.
//!
//! Owns what counts as available. An offer without a number is a row that makes no sense, never one
//! of none: some kinds of offers (print on demand, drop shipment) have no stock at all.

use super::{
    super::rest::values::{self, Problem},
    OmsClient,
    calls::{Question, Reply},
    faults::Kind,
    xml::{Element, Xml},
};
use crate::{
    domain::{Sku, Units, text::one_line},
    fulfillment::{BadRow, ProviderError, Row, StockItem},
    http::Effect,
};

/// All offers (`%` is the services' wildcard).
pub(super) const EVERYTHING: &str = "%";

impl OmsClient {
    /// The offers whose ids are like `search`.
    pub(super) async fn offers(
        &self,
        name: &'static str,
        search: &str,
    ) -> Result<Vec<Row<StockItem>>, ProviderError> {
        let mut rows = Vec::new();
        let mut take = |element: Element| rows.push(offer_row(rows.len(), &element));
        let question = Question {
            name,
            operation: "GetOffers",
            effect: Effect::Read,
            arguments: search_offers(search),
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
            Reply::Response { .. } => Ok(rows),
            Reply::Fault(fault) => Err(fault.error()),
        }
    }

    /// The one offer of this id.
    pub(super) async fn offer(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError> {
        // In a pattern `[` would begin a set; `_` stands for any one character.
        let search = sku.as_str().replace('[', "_");
        let rows = self.offers("inventory_of", &search).await?;
        Ok(rows.into_iter().find(|row| match row {
            Ok(item) => item.sku == *sku,
            Err(row) => row.key.as_deref() == Some(one_line(sku.as_str(), 80).as_str()),
        }))
    }

    /// The levels of one product, added up over the warehouses that count.
    pub(super) async fn product(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError> {
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
            name: "inventory_of",
            operation: "GetProductAvailabilities",
            effect: Effect::Read,
            arguments: arguments.into_string(),
            private: Vec::new(),
        };
        match self.ask(&question, Some(&mut take)).await? {
            Reply::Response { .. } => {}
            Reply::Fault(fault) if fault.kind == Kind::Missing => return Ok(None),
            Reply::Fault(fault) => return Err(fault.error()),
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

pub(super) fn offer_row(index: usize, element: &Element) -> Row<StockItem> {
    let id = element.text("ID");
    let bad = |problem: Problem, in_quantity: bool| BadRow {
        index,
        key: id.map(|id| one_line(id, 80)),
        problem,
        in_quantity,
    };
    let id = id.ok_or_else(|| bad("ID is missing".into(), false))?;
    let sku = Sku::parse(id).map_err(|error| bad(format!("ID: {error}"), false))?;
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
