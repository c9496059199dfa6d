//! The `order` element of an `AddOrder` in the style `oms`.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::prices;
use crate::harness::ZONE;

/// Builds `<order>` from the shop's data, in the WSDL's sequence.
pub fn order(order: &Value) -> String {
    let customer = &order["customer"];
    let (ship_to, bill_to) = (&order["shippingAddress"], &order["billingAddress"]);
    let buyer = format!(
        "{} {}",
        text(customer, "firstName"),
        text(customer, "lastName")
    );
    let placed: DateTime<Utc> = text(order, "orderPlacedAt").parse().unwrap();
    let placed = placed.with_timezone(&ZONE).format("%Y-%m-%dT%H:%M:%S");
    // The billing address, only if it differs from the buyer's.
    let payer = if text(bill_to, "fullName") == buyer {
        "<Flag>OrderedBy</Flag>".to_owned()
    } else {
        let payer = person(
            text(bill_to, "fullName"),
            bill_to,
            text(bill_to, "phoneNumber"),
        );
        format!("{payer}<Flag>Other</Flag>")
    };
    format!(
        "<order><Header><ID>{code}</ID><EntryDate>{placed}</EntryDate></Header>\
         <Shipping><FreightCode>U11</FreightCode></Shipping>\
         <OrderedBy>{buyer}<Email>{email}</Email></OrderedBy>\
         <ShipTo><OrderShipTo>{ship_to}<Flag>Other</Flag><Key>1</Key></OrderShipTo></ShipTo>\
         <BillTo>{payer}</BillTo><Offers>{offers}</Offers></order>",
        code = text(order, "code"),
        buyer = person(&buyer, bill_to, text(customer, "phoneNumber")),
        email = text(customer, "emailAddress"),
        ship_to = person(
            text(ship_to, "fullName"),
            ship_to,
            text(ship_to, "phoneNumber")
        ),
        offers = offers(order),
    )
}

/// The last word of a name is the last name; empty fields are omitted.
fn person(name: &str, address: &Value, phone: &str) -> String {
    let (first, last) = name.rsplit_once(' ').unwrap();
    let mut xml = String::new();
    for (element, value) in [
        ("FirstName", first),
        ("LastName", last),
        ("CompanyName", text(address, "company")),
        ("Address1", text(address, "streetLine1")),
        ("Address2", text(address, "streetLine2")),
        ("City", text(address, "city")),
        ("State", text(address, "province")),
        ("PostalCode", text(address, "postalCode")),
        ("Country", text(address, "countryCode")),
        ("Phone", phone),
    ] {
        if !value.is_empty() {
            let value = value.replace('&', "&amp;");
            write!(xml, "<{element}>{value}</{element}>").unwrap();
        }
    }
    xml
}

fn offers(order: &Value) -> String {
    let lines = order["lines"].as_array().unwrap().iter();
    lines
        .zip(prices(order))
        .map(|(line, price)| {
            format!(
                "<OfferOrdered><Offer><Header><ID>{}</ID></Header></Offer><Quantity>{}</Quantity>\
                 <OrderShipTo><Key>1</Key></OrderShipTo><UnitPrice>{price}</UnitPrice></OfferOrdered>",
                text(&line["productVariant"], "sku"),
                line["quantity"],
            )
        })
        .collect()
}

/// The field's text; empty if absent.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
