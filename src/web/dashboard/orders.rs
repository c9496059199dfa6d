//! The list of orders: filtered, searched, in pages.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{
    page::{Frame, Page, Sorry},
    timely,
    visit::{Asked, Visit},
    when::Reader,
    words::{kind_of, order_path, words_of},
};
use crate::{
    domain::SyncStatus,
    ledger::{OrderFilter, OrderGroup, SyncRecord},
};

const PAGE: u32 = 50;

/// The longest text that is looked for.
const LONGEST: usize = 100;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    status: String,
    #[serde(default)]
    search: String,
    #[serde(default)]
    after: String,
}

pub(super) struct Row {
    pub path: String,
    pub code: String,
    pub status: &'static str,
    pub kind: &'static str,
    pub veracore: String,
    pub changed: String,
    pub next: String,
    pub message: String,
}

/// One of the choices of the filter.
struct Choice {
    value: &'static str,
    words: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Orders {
    frame: Frame,
    rows: Vec<Row>,
    choices: Vec<Choice>,
    search: String,
    is_filtered: bool,
    total: u64,
    older: Option<String>,
    newest: Option<String>,
}

/// Those choices that are no single status.
const GROUPS: [(&str, OrderGroup, &str); 2] = [
    ("waiting", OrderGroup::Waiting, "waiting, of any kind"),
    ("care", OrderGroup::Care, "sent, and in need of a look"),
];

pub(super) async fn show(visit: Visit, Asked(asked): Asked<Wanted>) -> Page {
    visit.ensure_reader()?;
    let filter = filter_of(&asked)?;
    let ledger = &visit.services.ledger;
    let total = timely(ledger.count_orders(&filter)).await?;
    let mut records = timely(ledger.orders(&filter)).await?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let is_more = records.len() > page;
    records.truncate(page);
    let path = |after: Option<i64>| {
        let mut path = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("status", &asked.status), ("search", &asked.search)] {
            if !value.is_empty() {
                path.append_pair(name, value);
            }
        }
        if let Some(after) = after {
            path.append_pair("after", &after.to_string());
        }
        format!("/orders?{}", path.finish())
    };
    let reader = visit.reader();
    let page = Orders {
        frame: visit.frame("orders", "Orders"),
        older: records
            .last()
            .filter(|_| is_more)
            .map(|record| path(Some(record.id))),
        newest: filter.before.map(|_| path(None)),
        rows: records.iter().map(|record| row(record, &reader)).collect(),
        choices: choices(&asked.status),
        is_filtered: !asked.status.is_empty() || !asked.search.trim().is_empty(),
        search: asked.search.clone(),
        total,
    };
    Ok(visit.answer(&page))
}

fn filter_of(asked: &Wanted) -> Result<OrderFilter, Sorry> {
    let bad = |what: &str| Sorry::new(StatusCode::BAD_REQUEST, what);
    let mut filter = OrderFilter {
        limit: PAGE + 1,
        ..OrderFilter::default()
    };
    if let Some((_, group, _)) = GROUPS.iter().find(|(value, ..)| *value == asked.status) {
        filter.group = Some(*group);
    } else if !asked.status.is_empty() {
        let status = SyncStatus::parse(&asked.status);
        filter.status = Some(status.ok_or_else(|| bad("There is no such status."))?);
    }
    let search = asked.search.trim();
    if search.chars().count() > LONGEST || search.chars().any(char::is_control) {
        return Err(bad("Look for at most 100 characters."));
    }
    filter.search = (!search.is_empty()).then(|| search.to_owned());
    if !asked.after.is_empty() {
        let after = asked.after.parse();
        filter.before = Some(after.map_err(|_| bad("There is no such page."))?);
    }
    Ok(filter)
}

fn choices(chosen: &str) -> Vec<Choice> {
    let all = [("", "all".to_owned())];
    let groups = GROUPS.map(|(value, _, words)| (value, words.to_owned()));
    let statuses = SyncStatus::ALL.map(|status| {
        let words = format!("{}: {}", status.as_str(), words_of(status));
        (status.as_str(), words)
    });
    all.into_iter()
        .chain(groups)
        .chain(statuses)
        .map(|(value, words)| Choice {
            is_chosen: value == chosen,
            value,
            words,
        })
        .collect()
}

fn row(record: &SyncRecord, reader: &Reader) -> Row {
    Row {
        path: order_path(&record.vendure_order_code),
        code: record.vendure_order_code.clone(),
        status: record.sync_status.as_str(),
        kind: kind_of(record.sync_status),
        veracore: record.veracore_order_id.clone().unwrap_or_default(),
        changed: reader.ago(record.updated_at),
        next: record
            .next_attempt
            .map(|at| reader.ago(at))
            .unwrap_or_default(),
        message: in_short(record),
    }
}

/// The one thing to know about an order in a list.
fn in_short(record: &SyncRecord) -> String {
    let care = &record.aftercare;
    if let Some(status) = care.cancel_status {
        return format!("cancelled in Vendure; {}", status.in_words());
    }
    if care.cancelled_at_veracore.is_some() {
        return "cancelled at VeraCore, though not in Vendure".into();
    }
    if !care.changed_since_sent.is_empty() {
        return "edited in Vendure since it was sent".into();
    }
    record.error_message.clone().unwrap_or_default()
}
