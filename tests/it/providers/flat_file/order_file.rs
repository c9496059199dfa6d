//! An order as a JSON file.
//!
//! Prices are strings, because readers may parse a JSON number as a binary fraction.

use serde::Deserialize;
use serde_json::{Value, json};
use veracore_sync::{
    domain::{Contact, OrderCode},
    fulfillment::{NewOrder, PostalAddress},
    http::parse_json,
};

pub fn write(order: &NewOrder) -> Vec<u8> {
    let items: Vec<Value> = order
        .items
        .iter()
        .map(|item| {
            json!({
                "sku": item.sku.as_str(),
                "quantity": item.quantity.get(),
                "unitPrice": item.unit_price.to_string(),
            })
        })
        .collect();
    let mut file = json!({
        "number": order.number.as_str(),
        "placedAt": order.placed_at,
        "currency": order.currency.as_str(),
        "shippingMethod": order.shipping_method,
        "customer": customer(&order.customer),
        "shipTo": place(&order.ship_to),
        "items": items,
    });
    if let Some(comments) = order.comments.as_ref().filter(|text| !text.is_empty()) {
        file["comments"] = json!(comments);
    }
    if let Some(bill_to) = &order.bill_to {
        file["billTo"] = place(bill_to);
    }
    file.to_string().into_bytes()
}

fn customer(contact: &Contact) -> Value {
    given(&[
        ("firstName", &contact.first_name),
        ("lastName", &contact.last_name),
        ("email", &contact.email),
        ("phone", &contact.phone),
    ])
}

fn place(to: &PostalAddress) -> Value {
    given(&[
        ("firstName", &to.first_name),
        ("lastName", &to.last_name),
        ("company", &to.company),
        ("address1", &to.address_1),
        ("address2", &to.address_2),
        ("city", &to.city),
        ("state", &to.state),
        ("zip", &to.zip),
        ("country", &to.country),
        ("phone", &to.phone),
    ])
}

/// The fields that are present and not blank.
fn given(fields: &[(&str, &Option<String>)]) -> Value {
    let there = fields.iter().filter_map(|(name, value)| {
        let value = value.as_ref().filter(|text| !text.is_empty())?;
        Some(((*name).to_owned(), json!(value)))
    });
    Value::Object(there.collect())
}

/// The fields of an order file that are read back.
pub struct PlacedOrder {
    pub number: OrderCode,
    pub units: u32,
}

/// # Errors
/// The problem, without quoting the content.
pub fn read(text: &[u8]) -> Result<PlacedOrder, String> {
    #[derive(Deserialize)]
    struct OrderFile {
        number: OrderCode,
        items: Vec<ItemRow>,
    }
    #[derive(Deserialize)]
    struct ItemRow {
        quantity: u32,
    }
    let file: OrderFile = parse_json(text)?;
    Ok(PlacedOrder {
        number: file.number,
        units: file.items.iter().map(|item| item.quantity).sum(),
    })
}
