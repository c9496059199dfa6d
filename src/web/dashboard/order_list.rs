//! The list of orders: filter, search, pages.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{
    error_page::{ErrorPage, PageResult, with_timeout},
    labels::{order_path, status_class, status_plural_label},
    page::PageFrame,
    session_context::{QueryParams, SessionContext},
    time_format::TimeFormat,
};
use crate::{
    domain::SyncStatus,
    ledger::{OrderFilter, OrderGroup, SyncRecord},
};

const PAGE_SIZE: u32 = 50;

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

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: PageFrame,
    times: TimeFormat,
    orders: Vec<SyncRecord>,
    /// The value, the label, and whether it is selected.
    options: Vec<(&'static str, String, bool)>,
    search: String,
    is_filtered: bool,
    total: u64,
    older: Option<String>,
    newest: Option<String>,
}

/// Filter options that cover several statuses.
const STATUS_GROUPS: [(&str, OrderGroup, &str); 2] = [
    ("waiting", OrderGroup::Waiting, "all waiting"),
    ("care", OrderGroup::NeedsAttention, "sent, needs attention"),
];

pub(super) async fn show(
    session: SessionContext,
    QueryParams(query): QueryParams<OrdersQuery>,
) -> PageResult {
    session.require_reader()?;
    let filter = parse_filter(&query)?;
    let ledger = &session.services.ledger;
    let total = with_timeout(ledger.count_orders(&filter)).await?;
    let mut records = with_timeout(ledger.orders(&filter)).await?;
    let page = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let is_more = records.len() > page;
    records.truncate(page);
    let path = |after: Option<i64>| {
        let mut path = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("status", &query.status), ("search", &query.search)] {
            if !value.is_empty() {
                path.append_pair(name, value);
            }
        }
        if let Some(after) = after {
            path.append_pair("after", &after.to_string());
        }
        format!("/orders?{}", path.finish())
    };
    let page = OrdersPage {
        frame: session.frame("orders", "Orders"),
        older: records
            .last()
            .filter(|_| is_more)
            .map(|record| path(Some(record.id))),
        newest: filter.before_id.map(|_| path(None)),
        times: session.time_format(),
        orders: records,
        options: filter_options(&query.status),
        is_filtered: !query.status.is_empty() || !query.search.trim().is_empty(),
        search: query.search.clone(),
        total,
    };
    Ok(session.render(&page))
}

fn parse_filter(query: &OrdersQuery) -> Result<OrderFilter, ErrorPage> {
    let bad_request = |message: &str| ErrorPage::new(StatusCode::BAD_REQUEST, message);
    let mut filter = OrderFilter {
        limit: PAGE_SIZE + 1,
        ..OrderFilter::default()
    };
    if let Some((_, group, _)) = STATUS_GROUPS
        .iter()
        .find(|(value, ..)| *value == query.status)
    {
        filter.group = Some(*group);
    } else if !query.status.is_empty() {
        let status = SyncStatus::parse(&query.status);
        filter.status = Some(status.ok_or_else(|| bad_request("Unknown status."))?);
    }
    let search = query.search.trim();
    if search.chars().count() > MAX_SEARCH_CHARS || search.chars().any(char::is_control) {
        return Err(bad_request("Search for at most 100 characters."));
    }
    filter.search = (!search.is_empty()).then(|| search.to_owned());
    if !query.after.is_empty() {
        let after = query.after.parse();
        filter.before_id = Some(after.map_err(|_| bad_request("This page does not exist."))?);
    }
    Ok(filter)
}

fn filter_options(selected: &str) -> Vec<(&'static str, String, bool)> {
    let groups = STATUS_GROUPS.map(|(value, _, label)| (value, label.to_owned()));
    let statuses = SyncStatus::ALL.iter().map(|status| {
        let label = format!("{status}: {}", status_plural_label(*status));
        (status.as_str(), label)
    });
    [("", "all".to_owned())]
        .into_iter()
        .chain(groups)
        .chain(statuses)
        .map(|(value, label)| (value, label, value == selected))
        .collect()
}

/// The most important fact about an order.
fn row_message(record: &SyncRecord) -> String {
    let post_send = &record.post_send;
    if let Some(status) = post_send.cancel_status {
        return format!("Cancelled in Vendure; {}", status.label());
    }
    if post_send.cancelled_at_veracore.is_some() {
        return "Cancelled at VeraCore but not in Vendure".into();
    }
    if !post_send.changed_since_sent.is_empty() {
        return "Edited in Vendure after being sent".into();
    }
    record.error_message.clone().unwrap_or_default()
}
