//! The list of orders: filtered, searched, in pages.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{
    labels::{order_path, status_class, status_plural_label},
    page::{ErrorPage, PageFrame, PageResult},
    session_context::{QueryParams, SessionContext},
    time_format::TimeFormat,
    with_timeout,
};
use crate::{
    domain::SyncStatus,
    ledger::{OrderFilter, OrderGroup, SyncRecord},
};

const PAGE_SIZE: u32 = 50;

/// The longest text that is looked for.
const MAX_SEARCH_CHARS: usize = 100;

#[derive(Deserialize)]
pub(super) struct OrdersQuery {
    #[serde(default)]
    status: String,
    #[serde(default)]
    search: String,
    #[serde(default)]
    after: String,
}

pub(super) struct OrderRow {
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
struct FilterOption {
    value: &'static str,
    words: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: PageFrame,
    rows: Vec<OrderRow>,
    choices: Vec<FilterOption>,
    search: String,
    is_filtered: bool,
    total: u64,
    older: Option<String>,
    newest: Option<String>,
}

/// Those choices that are no single status.
const STATUS_GROUPS: [(&str, OrderGroup, &str); 2] = [
    ("waiting", OrderGroup::Waiting, "waiting, of any kind"),
    (
        "care",
        OrderGroup::NeedsAttention,
        "sent, and in need of a look",
    ),
];

pub(super) async fn show(
    visit: SessionContext,
    QueryParams(asked): QueryParams<OrdersQuery>,
) -> PageResult {
    visit.require_reader()?;
    let filter = parse_filter(&asked)?;
    let ledger = &visit.services.ledger;
    let total = with_timeout(ledger.count_orders(&filter)).await?;
    let mut records = with_timeout(ledger.orders(&filter)).await?;
    let page = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
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
    let reader = visit.time_format();
    let page = OrdersPage {
        frame: visit.frame("orders", "Orders"),
        older: records
            .last()
            .filter(|_| is_more)
            .map(|record| path(Some(record.id))),
        newest: filter.before_id.map(|_| path(None)),
        rows: records
            .iter()
            .map(|record| order_row(record, &reader))
            .collect(),
        choices: filter_options(&asked.status),
        is_filtered: !asked.status.is_empty() || !asked.search.trim().is_empty(),
        search: asked.search.clone(),
        total,
    };
    Ok(visit.render(&page))
}

fn parse_filter(asked: &OrdersQuery) -> Result<OrderFilter, ErrorPage> {
    let bad = |what: &str| ErrorPage::new(StatusCode::BAD_REQUEST, what);
    let mut filter = OrderFilter {
        limit: PAGE_SIZE + 1,
        ..OrderFilter::default()
    };
    if let Some((_, group, _)) = STATUS_GROUPS
        .iter()
        .find(|(value, ..)| *value == asked.status)
    {
        filter.group = Some(*group);
    } else if !asked.status.is_empty() {
        let status = SyncStatus::parse(&asked.status);
        filter.status = Some(status.ok_or_else(|| bad("There is no such status."))?);
    }
    let search = asked.search.trim();
    if search.chars().count() > MAX_SEARCH_CHARS || search.chars().any(char::is_control) {
        return Err(bad("Look for at most 100 characters."));
    }
    filter.search = (!search.is_empty()).then(|| search.to_owned());
    if !asked.after.is_empty() {
        let after = asked.after.parse();
        filter.before_id = Some(after.map_err(|_| bad("There is no such page."))?);
    }
    Ok(filter)
}

fn filter_options(chosen: &str) -> Vec<FilterOption> {
    let all = [("", "all".to_owned())];
    let groups = STATUS_GROUPS.map(|(value, _, words)| (value, words.to_owned()));
    let statuses = SyncStatus::ALL.iter().map(|&status| {
        let words = format!("{}: {}", status.as_str(), status_plural_label(status));
        (status.as_str(), words)
    });
    all.into_iter()
        .chain(groups)
        .chain(statuses)
        .map(|(value, words)| FilterOption {
            is_chosen: value == chosen,
            value,
            words,
        })
        .collect()
}

fn order_row(record: &SyncRecord, reader: &TimeFormat) -> OrderRow {
    OrderRow {
        path: order_path(&record.vendure_order_code),
        code: record.vendure_order_code.clone(),
        status: record.sync_status.as_str(),
        kind: status_class(record.sync_status),
        veracore: record.veracore_order_id.clone().unwrap_or_default(),
        changed: reader.time_tag(record.updated_at),
        next: record
            .next_attempt
            .map(|at| reader.time_tag(at))
            .unwrap_or_default(),
        message: row_message(record),
    }
}

/// The one thing to know about an order in a list.
fn row_message(record: &SyncRecord) -> String {
    let care = &record.post_send;
    if let Some(status) = care.cancel_status {
        return format!("cancelled in Vendure; {}", status.label());
    }
    if care.cancelled_at_veracore.is_some() {
        return "cancelled at VeraCore, though not in Vendure".into();
    }
    if !care.changed_since_sent.is_empty() {
        return "edited in Vendure since it was sent".into();
    }
    record.error_message.clone().unwrap_or_default()
}
