//! The stock and shipment lists of the style `rest`, whole or in pages.

use chrono::{DateTime, Utc};
use hyper::{StatusCode, header::HOST};
use serde::Serialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::{
    call::Call,
    orders::{ArrivedOrder, Package},
    reply::Reply,
    shared::Shared,
};

/// `GET /api/inventory`.
pub(super) fn inventory(shared: &Shared, call: &Call) -> Reply {
    let levels = shared.read(|state| state.warehouse.stock());
    list(shared, call, &levels)
}

/// `GET /api/inventory/{sku}`.
pub(super) fn inventory_of(shared: &Shared, sku: &str) -> Reply {
    match shared.read(|state| state.warehouse.stock_of(sku)) {
        Some(level) => Reply::json(StatusCode::OK, &level),
        None => Reply::message(StatusCode::NOT_FOUND, format!("there is no SKU {sku}")),
    }
}

/// `GET /api/shipments?from=`.
pub(super) fn shipments(shared: &Shared, call: &Call) -> Reply {
    let mut from = None;
    if let Some(text) = parameter(call, "from") {
        match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => from = Some(time.with_timezone(&Utc)),
            Err(_) => {
                return Reply::message(
                    StatusCode::BAD_REQUEST,
                    format!("from={text} is not an RFC 3339 time"),
                );
            }
        }
    }
    if shared.config.ignore_from {
        from = None;
    }
    let rows = shared.read(|state| -> Vec<Value> {
        state
            .warehouse
            .packages_since(from)
            .into_iter()
            .map(|(order, package)| row(order, package, shared.config.sparse))
            .collect()
    });
    list(shared, call, &rows)
}

fn row(order: &ArrivedOrder, package: &Package, sparse: bool) -> Value {
    let mut row = json!({
        "OrderNumber": order.number,
        "TrackingNumber": package.tracking_number,
        "Carrier": package.carrier,
        "ShipDate": package.ship_date,
        "Status": package.status,
    });
    if !sparse {
        row["ShipmentId"] = json!(package.shipment_id);
        row["Items"] = json!(package.items);
        if let Some(service) = &package.service {
            row["Service"] = json!(service);
        }
    }
    row
}

/// A bare array, or one page with the URL of the next.
fn list<T: Serialize>(shared: &Shared, call: &Call, rows: &[T]) -> Reply {
    let Some(size) = shared.config.page_size else {
        return Reply::json(StatusCode::OK, &rows);
    };
    let page = match parameter(call, "page").map(|text| text.parse::<usize>()) {
        None => 1,
        Some(Ok(page)) if page > 0 => page,
        Some(_) => return Reply::message(StatusCode::BAD_REQUEST, "page must be 1 or more"),
    };
    let size = size.max(1);
    let start = (page - 1).saturating_mul(size).min(rows.len());
    let end = start.saturating_add(size).min(rows.len());
    let next = (end < rows.len()).then(|| page_url(shared, call, page + 1));
    Reply::json(
        StatusCode::OK,
        &json!({ "Items": rows[start..end], "NextPage": next }),
    )
}

/// An absolute URL with the caller's `Host`: in a container network, the sandbox does not know its
/// own host name.
fn page_url(shared: &Shared, call: &Call, page: usize) -> String {
    let address = shared.addr.to_string();
    let host = call
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or(&address);
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(from) = parameter(call, "from") {
        query.append_pair("from", &from);
    }
    query.append_pair("page", &page.to_string());
    format!("http://{host}{}?{}", call.full_path, query.finish())
}

fn parameter(call: &Call, name: &str) -> Option<String> {
    form_urlencoded::parse(call.query.as_deref()?.as_bytes())
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.into_owned())
}
