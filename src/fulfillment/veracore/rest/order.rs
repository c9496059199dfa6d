//! The body of `POST /api/orders`, with the names and order of docs/veracore-rest.md.
//!
//! Absent and empty values are omitted; prices keep exactly their digits.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
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
    customer: Texts<'a, 4>,
    shipping_address: Texts<'a, 10>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Texts<'a, 10>>,
    items: Vec<Item<'a>>,
}

/// An object of texts.
struct Texts<'a, const N: usize>([(&'static str, &'a Option<String>); N]);

impl<const N: usize> Serialize for Texts<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = self.0.iter();
        serializer.collect_map(texts.filter_map(|(name, text)| Some((name, non_empty(text)?))))
    }
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

fn customer(contact: &Contact) -> Texts<'_, 4> {
    Texts([
        ("FirstName", &contact.first_name),
        ("LastName", &contact.last_name),
        ("Email", &contact.email),
        ("Phone", &contact.phone),
    ])
}

fn address(to: &PostalAddress) -> Texts<'_, 10> {
    Texts([
        ("FirstName", &to.first_name),
        ("LastName", &to.last_name),
        ("Company", &to.company),
        ("Address1", &to.address_1),
        ("Address2", &to.address_2),
        ("City", &to.city),
        ("State", &to.state),
        ("Zip", &to.zip),
        ("Country", &to.country),
        ("Phone", &to.phone),
    ])
}
