//! Fixtures that the tests of both clients share.

use std::time::Duration;

use wiremock::ResponseTemplate;

use crate::{
    domain::{Contact, Money, OrderCode, Quantity, Sku},
    fulfillment::{NewOrderItem, PostalAddress},
    http::UpstreamLimits,
};

pub(super) const fn limits() -> UpstreamLimits {
    UpstreamLimits {
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(2),
        max_body_bytes: 256 * 1024,
        max_concurrency: 32,
        max_per_second: None,
    }
}

pub(super) fn html(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(
        "<html><head><title>Not Found</title></head><body>12 Elm St</body></html>",
        "text/html",
    )
}

pub(super) fn code(code: &str) -> OrderCode {
    OrderCode::parse(code).unwrap()
}

pub(super) fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn buyer() -> Contact {
    Contact {
        first_name: text("Ada"),
        last_name: text("Lovelace"),
        email: text("ada@example.com"),
        phone: None,
    }
}

pub(super) fn address() -> PostalAddress {
    PostalAddress {
        first_name: text("Ada"),
        last_name: text("Lovelace"),
        company: None,
        address_1: text("12 Elm St"),
        address_2: text(""),
        city: text("Portland"),
        state: text("OR"),
        zip: text("01234"),
        country: text("US"),
        phone: text("+1 555 0100"),
    }
}

pub(super) fn item(sku: &str, quantity: u32, minor: i64, precision: u32) -> NewOrderItem {
    NewOrderItem {
        sku: Sku::parse(sku).unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: Money::from_minor(minor, precision).unwrap(),
    }
}
