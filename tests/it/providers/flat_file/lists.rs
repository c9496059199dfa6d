//! The warehouse's CSV lists, as rows and pages.
//!
//! A complete list ends in a row `#END,<rows>`. Without it, the warehouse is still writing, and the
//! last number may be truncated.

use std::collections::{BTreeMap, btree_map::Entry};

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use csv::{ByteRecord, ReaderBuilder};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use veracore_sync::{
    domain::{InvalidQuantity, OrderCode, Quantity, Sku, Units, text::one_line},
    fulfillment::{FeedPage, FeedRow, PageCursor, RowError, Shipment, ShipmentItem, StockItem},
};

const END: &[u8] = b"#END";

type Problem = String;

/// The rows of a complete list with these columns.
fn rows(list: &[u8], columns: &[&str]) -> Result<Vec<ByteRecord>, Problem> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(list);
    let records = reader.byte_records().collect::<Result<Vec<_>, _>>();
    // The CSV reader's message might quote a row.
    let mut records = records.map_err(|_| "it is no CSV".to_owned())?;
    if records.is_empty()
        || !records[0]
            .iter()
            .eq(columns.iter().map(|name| name.as_bytes()))
    {
        return Err(format!("its first row is not {}", columns.join(",")));
    }
    records.remove(0);
    let end = records.pop().filter(|row| row.get(0) == Some(END));
    let promised: Option<usize> =
        end.and_then(|end| std::str::from_utf8(end.get(1)?).ok()?.parse().ok());
    match promised {
        Some(promised) if promised == records.len() => Ok(records),
        Some(_) => Err("it has not as many rows as its end says".into()),
        None => Err("it has no end".into()),
    }
}

/// A trimmed field.
fn field<'a>(row: &'a ByteRecord, at: usize, name: &str) -> Result<&'a str, Problem> {
    let bytes = row.get(at).ok_or_else(|| format!("{name} is missing"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))?;
    Ok(text.trim())
}

fn optional(row: &ByteRecord, at: usize, name: &str) -> Result<Option<String>, Problem> {
    let text = one_line(field(row, at, name)?, 255);
    Ok((!text.is_empty()).then_some(text))
}

/// Converts a whole number of units; `45.0` is whole.
fn whole_units(number: Decimal) -> Result<Units, InvalidQuantity> {
    if number.is_sign_negative() && !number.is_zero() {
        return Err(InvalidQuantity::Negative(number.to_string()));
    }
    if !number.fract().is_zero() {
        return Err(InvalidQuantity::Fractional(number.to_string()));
    }
    let units =
        u32::try_from(number.trunc()).map_err(|_| InvalidQuantity::TooLarge(number.to_string()))?;
    Units::new(units)
}

/// Digits only: `1,000`, `5 pcs` and `1e3` are ambiguous. Error messages quote only numbers.
fn count(text: &str, name: &str) -> Result<Units, Problem> {
    let number = text.parse::<Decimal>();
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
    let units = match number {
        Ok(number) if plain => whole_units(number),
        _ => Err(InvalidQuantity::NotANumber),
    };
    units.map_err(|error| format!("{name}: {error}"))
}

fn bad(
    index: usize,
    row: &ByteRecord,
    key: usize,
    problem: Problem,
    in_quantity: bool,
) -> RowError {
    let key = field(row, key, "").ok().map(|key| one_line(key, 80));
    RowError {
        index,
        key: key.filter(|key| !key.is_empty()),
        problem,
        is_quantity_error: in_quantity,
    }
}

pub fn stock(list: &[u8]) -> Result<Vec<FeedRow<StockItem>>, Problem> {
    let rows = rows(list, &["sku", "available"])?;
    let item = |(index, row): (usize, &ByteRecord)| {
        let sku = field(row, 0, "sku").and_then(|sku| Sku::parse(sku).map_err(|e| e.to_string()));
        let sku = sku.map_err(|problem| bad(index, row, 0, problem, false))?;
        let available = field(row, 1, "available").and_then(|text| count(text, "available"));
        Ok(StockItem {
            sku,
            available: available.map_err(|problem| bad(index, row, 0, problem, true))?,
            reserved: None,
            on_hand: None,
        })
    };
    Ok(rows.iter().enumerate().map(item).collect())
}

/// The columns of the shipment list, which has a row for each SKU in a package.
pub const PACKAGES: [&str; 9] = [
    "package", "order", "tracking", "carrier", "service", "shipped", "status", "sku", "quantity",
];

/// The packages, in the sequence of their first rows. One invalid row invalidates its whole package:
/// otherwise the shop would fulfill less than was shipped.
pub fn packages(list: &[u8], zone: Tz) -> Result<Vec<FeedRow<Shipment>>, Problem> {
    let rows = rows(list, &PACKAGES)?;
    let mut packages: Vec<FeedRow<Shipment>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let part = package(row, zone).map_err(|problem| bad(index, row, 1, problem, false));
        let id = field(row, 0, "package").unwrap_or_default();
        match places.entry(id) {
            // Without an id, it is a package of its own.
            Entry::Vacant(_) if id.is_empty() => packages.push(part),
            Entry::Vacant(place) => {
                place.insert(packages.len());
                packages.push(part);
            }
            Entry::Occupied(place) => {
                let whole = &mut packages[*place.get()];
                match (&mut *whole, part) {
                    (Ok(whole), Ok(part)) => {
                        whole
                            .items
                            .get_or_insert_default()
                            .extend(part.items.into_iter().flatten());
                    }
                    (_, Err(bad)) => *whole = Err(bad),
                    (Err(_), _) => {}
                }
            }
        }
    }
    Ok(packages)
}

/// A package with the content of one row.
fn package(row: &ByteRecord, zone: Tz) -> Result<Shipment, Problem> {
    let name = |error: veracore_sync::domain::InvalidIdentifier| error.to_string();
    let text = |at: usize| optional(row, at, PACKAGES[at]);
    let quantity = count(field(row, 8, "quantity")?, "quantity")?;
    Ok(Shipment {
        id: Some(text(0)?.ok_or("package is blank")?),
        order_number: OrderCode::parse(field(row, 1, "order")?).map_err(name)?,
        tracking_number: text(2)?,
        carrier: text(3)?,
        service: text(4)?,
        shipped_at: Some(moment(field(row, 5, "shipped")?, zone)?),
        status: text(6)?.ok_or("status is blank")?,
        items: Some(vec![ShipmentItem {
            sku: Sku::parse(field(row, 7, "sku")?).map_err(name)?,
            quantity: Quantity::new(quantity.get()).map_err(|e| format!("quantity: {e}"))?,
        }]),
    })
}

/// A local time of the warehouse: the earlier of two, or an hour later if it was skipped.
fn moment(text: &str, zone: Tz) -> Result<DateTime<Utc>, Problem> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
        .map_err(|_| "shipped is not a time".to_owned())?;
    let at = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    let at = at(local).or_else(|| at(local + TimeDelta::hours(1)));
    let at = at.ok_or("shipped is not a time of the warehouse's zone")?;
    Ok(at.to_utc())
}

/// A page of a list. The cursor contains the list's digest: in a changed list, rows have moved, so that
/// some would be read twice and some never.
pub fn page<T>(
    rows: Vec<FeedRow<T>>,
    list: &[u8],
    page: Option<&PageCursor>,
    size: usize,
) -> Result<FeedPage<T>, Problem> {
    let digest: String = Sha256::digest(list)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let from = match page.map(|page| page.as_str().split_once('@')) {
        None => 0,
        Some(Some((from, of))) if of == digest => from
            .parse()
            .map_err(|_| "there is no such page".to_owned())?,
        Some(_) => return Err("the list is not the one that the page is of".into()),
    };
    let until = size.saturating_add(from);
    let next = (until < rows.len()).then(|| PageCursor::new(format!("{until}@{digest}")));
    Ok(FeedPage {
        rows: rows.into_iter().skip(from).take(size).collect(),
        next,
    })
}
