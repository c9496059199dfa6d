//! The responses about one order: its receipt and its status.

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::common::{
    dates,
    fields::{self, JsonField, ParseProblem, required},
    rows::parse_object,
};
use crate::{
    domain::{OrderCode, ProviderOrderId},
    fulfillment::FoundOrder,
};

/// Reads the id that VeraCore assigned to an accepted order.
pub(super) fn receipt(body: &RawValue) -> Result<ProviderOrderId, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
    struct ReceiptBody<'a> {
        order_id: JsonField<'a>,
    }
    let body: ReceiptBody<'_> = parse_object(body)?;
    let id = required("OrderId", order_id(body.order_id)?)?;
    Ok(id)
}

fn order_id(raw: JsonField<'_>) -> Result<Option<ProviderOrderId>, ParseProblem> {
    let id = fields::id("OrderId", raw)?.map(ProviderOrderId::parse);
    id.transpose().map_err(|error| format!("OrderId: {error}"))
}

/// Reads the order that a lookup returned. The caller checks that it is the requested one.
pub(super) fn found_order(body: &RawValue, zone: Tz) -> Result<FoundOrder, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
    struct StatusBody<'a> {
        order_number: JsonField<'a>,
        order_id: JsonField<'a>,
        status: JsonField<'a>,
        tracking_number: JsonField<'a>,
        ship_date: JsonField<'a>,
        carrier: JsonField<'a>,
    }
    let body: StatusBody<'_> = parse_object(body)?;
    // The number alone decides whether VeraCore has the order: another field that is invalid must
    // not leave an unconfirmed order unresolved.
    Ok(FoundOrder {
        number: fields::exact_text("OrderNumber", body.order_number, OrderCode::parse)?,
        provider_order_id: ok_or_log(order_id(body.order_id)),
        status: ok_or_log(fields::label("Status", body.status)).unwrap_or_else(|| "unknown".into()),
        tracking_number: ok_or_log(fields::code("TrackingNumber", body.tracking_number)),
        carrier: ok_or_log(fields::label("Carrier", body.carrier)),
        shipped_at: ok_or_log(dates::read_date("ShipDate", body.ship_date, zone)),
    })
}

fn ok_or_log<T>(value: Result<Option<T>, ParseProblem>) -> Option<T> {
    value.unwrap_or_else(|problem| {
        tracing::warn!(problem, "VeraCore find_order: ignoring an invalid field");
        None
    })
}
