//! Creating an order in the style `rest`, and its status.
//!
//! Refuses everything that the documentation does not allow: a mistake should fail here rather than
//! at the real warehouse.

use chrono::DateTime;
use hyper::StatusCode;
use serde_json::{Value, json, value::RawValue};

use super::{
    super::{
        call::{Call, has_type},
        details::Details,
        orders::OrderedItem,
        reply::Reply,
        shared::Shared,
        warehouse::IncomingOrder,
    },
    fields::Object,
};

/// `POST /api/orders`.
pub(super) fn create(shared: &Shared, call: &Call) -> Reply {
    if !has_type(call, "application/json") {
        return Reply::message(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be application/json",
        );
    }
    let body = match std::str::from_utf8(&call.body) {
        Ok(body) if serde_json::from_str::<&RawValue>(body).is_ok() => body,
        _ => return Reply::message(StatusCode::BAD_REQUEST, "the body is not JSON"),
    };
    let incoming = match read_order(body, &shared.config.company_id) {
        Ok(incoming) => incoming,
        Err((status, message)) => return Reply::message(status, message),
    };
    let now = shared.clock.now();
    shared.change(|state| match state.warehouse.accept(incoming, now) {
        Ok(order) => {
            state.journal.publish_order(order);
            Reply::json(
                StatusCode::CREATED,
                &json!({
                    "OrderId": order.order_id,
                    "OrderNumber": order.number,
                    "Status": order.status(),
                }),
            )
        }
        Err(duplicate) => Reply::problem(StatusCode::CONFLICT, "Error", duplicate),
    })
}

/// `GET /api/orders/{OrderNumber}/status`.
pub(super) fn status(shared: &Shared, number: &str) -> Reply {
    let found = shared.read(|state| {
        let order = state.warehouse.order(number)?;
        let mut body = json!({ "OrderNumber": order.number, "Status": order.status() });
        if !shared.config.sparse {
            body["OrderId"] = json!(order.order_id);
        }
        if let Some(package) = order.live_packages().next_back() {
            body["TrackingNumber"] = json!(package.tracking_number);
            body["ShipDate"] = json!(package.ship_date);
            body["Carrier"] = json!(package.carrier);
        }
        Some::<Value>(body)
    });
    match found {
        Some(body) => Reply::json(StatusCode::OK, &body),
        None => Reply::message(StatusCode::NOT_FOUND, format!("there is no order {number}")),
    }
}

fn read_order(body: &str, company_id: &str) -> Result<IncomingOrder, (StatusCode, String)> {
    let invalid = |message: String| (StatusCode::UNPROCESSABLE_ENTITY, message);
    let mut order = Object::read("", body).map_err(invalid)?;
    let company = order.need_text("CompanyId").map_err(invalid)?;
    if company != company_id {
        let message = format!("CompanyId {company} is not a company of this user");
        return Err((StatusCode::FORBIDDEN, message));
    }
    let (number, items) = read_fields(order).map_err(invalid)?;
    Ok(IncomingOrder {
        number,
        items,
        body: Some(body.to_owned()),
        details: Details::default(),
    })
}

fn read_fields(mut order: Object<'_>) -> Result<(String, Vec<OrderedItem>), String> {
    let number = order.need_text("OrderNumber")?;
    let date = order.need_text("OrderDate")?;
    if DateTime::parse_from_rfc3339(&date).is_err() {
        return Err(format!("OrderDate {date} is not an RFC 3339 time"));
    }
    if let Some(code) = order.text("CurrencyCode")?
        && !is_code(&code, 3)
    {
        return Err(format!("CurrencyCode {code} is not a three-letter code"));
    }
    order.text("ShippingMethod")?;
    order.text("Comments")?;
    if let Some(customer) = order.object("Customer")? {
        only_texts(customer, &["FirstName", "LastName", "Email", "Phone"])?;
    }
    let Some(shipping) = order.object("ShippingAddress")? else {
        return Err("ShippingAddress is missing".into());
    };
    read_address(shipping, true)?;
    if let Some(billing) = order.object("BillingAddress")? {
        read_address(billing, false)?;
    }
    let items = read_items(order.need_raw("Items")?)?;
    order.finish()?;
    Ok((number, items))
}

/// Checks that the object has no other fields than these, all of them strings.
fn only_texts(mut object: Object<'_>, fields: &[&str]) -> Result<(), String> {
    for field in fields {
        object.text(field)?;
    }
    object.finish()
}

/// Only the shipping address must be complete.
fn read_address(mut address: Object<'_>, complete: bool) -> Result<(), String> {
    if complete {
        address.need_text("Address1")?;
        address.need_text("City")?;
    }
    let country = if complete {
        Some(address.need_text("Country")?)
    } else {
        address.text("Country")?
    };
    if let Some(country) = country
        && !is_code(&country, 2)
    {
        let name = address.name("Country");
        return Err(format!("{name} {country} is not a two-letter code"));
    }
    only_texts(
        address,
        &[
            "FirstName",
            "LastName",
            "Company",
            "Address1",
            "Address2",
            "City",
            "State",
            "Zip",
            "Phone",
        ],
    )
}

fn read_items(raw: &str) -> Result<Vec<OrderedItem>, String> {
    let rows: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|_| "Items is not a list".to_owned())?;
    if rows.is_empty() {
        return Err("Items is empty".into());
    }
    rows.iter()
        .enumerate()
        .map(|(index, row)| {
            let mut item = Object::read(&format!("Items[{index}]"), row.get())?;
            let ordered = OrderedItem {
                sku: item.need_text("SKU")?,
                quantity: item.need_count("Quantity")?,
                unit_price: Some(item.need_price("UnitPrice")?),
            };
            item.finish()?;
            Ok(ordered)
        })
        .collect()
}

fn is_code(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|c| c.is_ascii_uppercase())
}
