//! The body of `POST /api/orders`, with the names and order of docs/veracore-rest.md.
//!
//! Absent and empty values are omitted; prices keep exactly their digits.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::Contact,
    fulfillment::{NewOrder, PostalAddress},
};

/// An instant in VeraCore's format: RFC 3339, UTC, whole seconds.
pub(super) fn format_utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn order_body(company_id: &str, order: &NewOrder) -> Result<Vec<u8>, serde_json::Error> {
    let items = order
        .items
        .iter()
        .map(|item| {
            Ok(Item {
                sku: item.sku.as_str(),
                quantity: item.quantity.get(),
                unit_price: RawValue::from_string(item.unit_price.to_string())?,
            })
        })
        .collect::<Result<_, serde_json::Error>>()?;
    serde_json::to_vec(&Order {
        company_id,
        order_number: order.number.as_str(),
        order_date: format_utc(order.placed_at),
        currency_code: order.currency.as_str(),
        shipping_method: &order.shipping_method,
        comments: non_empty(&order.comments),
        customer: customer(&order.customer),
        shipping_address: address(&order.ship_to),
        billing_address: order.bill_to.as_ref().map(address),
        items,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Order<'a> {
    company_id: &'a str,
    order_number: &'a str,
    order_date: String,
    currency_code: &'a str,
    shipping_method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<&'a str>,
    customer: Customer<'a>,
    shipping_address: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Address<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Customer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    #[serde(rename = "SKU")]
    sku: &'a str,
    quantity: u32,
    unit_price: Box<RawValue>,
}

fn non_empty(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn customer(contact: &Contact) -> Customer<'_> {
    Customer {
        first_name: non_empty(&contact.first_name),
        last_name: non_empty(&contact.last_name),
        email: non_empty(&contact.email),
        phone: non_empty(&contact.phone),
    }
}

fn address(to: &PostalAddress) -> Address<'_> {
    Address {
        first_name: non_empty(&to.first_name),
        last_name: non_empty(&to.last_name),
        company: non_empty(&to.company),
        address1: non_empty(&to.address_1),
        address2: non_empty(&to.address_2),
        city: non_empty(&to.city),
        state: non_empty(&to.state),
        zip: non_empty(&to.zip),
        country: non_empty(&to.country),
        phone: non_empty(&to.phone),
    }
}
