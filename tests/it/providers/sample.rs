//! Sample orders.

use chrono::{DateTime, Utc};
use veracore_sync::{
    domain::{Contact, CurrencyCode, Money, OrderCode, Quantity, Sku},
    fulfillment::{NewOrder, NewOrderItem, PostalAddress},
};

/// The time when all sample orders were placed; in California, it was still the day before.
pub fn placed_at() -> DateTime<Utc> {
    "2026-11-20T04:30:00Z".parse().unwrap()
}

pub fn code(number: &str) -> OrderCode {
    OrderCode::parse(number).unwrap()
}

pub fn sku(sku: &str) -> Sku {
    Sku::parse(sku).unwrap()
}

/// An order line; `price` is in thousandths.
pub fn item(name: &str, units: u32, price: i64) -> NewOrderItem {
    NewOrderItem {
        sku: sku(name),
        quantity: Quantity::new(units).unwrap(),
        unit_price: Money::from_minor(price, 3).unwrap(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every field of an address is one")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn wilhelmina() -> PostalAddress {
    PostalAddress {
        first_name: some("Wilhelmina"),
        last_name: some("Vandersloot"),
        address_1: some("77 Secret Alley"),
        city: some("Reno"),
        state: some("NV"),
        zip: some("89501"),
        country: some("US"),
        phone: some("+1 775 555 0188"),
        ..PostalAddress::default()
    }
}

/// Wilhelmina's personal data, which must appear in no message.
pub const PRIVATE: [&str; 5] = [
    "Wilhelmina",
    "Vandersloot",
    "77 Secret Alley",
    "wv@private.example",
    "+1 775 555 0188",
];

/// An order of Wilhelmina's with one line.
pub fn order(number: &str) -> NewOrder {
    let to = wilhelmina();
    NewOrder {
        number: code(number),
        placed_at: placed_at(),
        currency: CurrencyCode::parse("USD").unwrap(),
        shipping_method: "GROUND".into(),
        comments: None,
        customer: Contact {
            first_name: to.first_name.clone(),
            last_name: to.last_name.clone(),
            email: some("wv@private.example"),
            phone: to.phone.clone(),
        },
        ship_to: to,
        bill_to: None,
        items: vec![item("MUG-1", 2, 12_990)],
    }
}

pub fn with_items(number: &str, items: Vec<NewOrderItem>) -> NewOrder {
    NewOrder {
        items,
        ..order(number)
    }
}

/// An order shipped to another person abroad.
pub fn gift(number: &str) -> NewOrder {
    let plain = order(number);
    NewOrder {
        comments: some("Happy birthday,\nfrom all of us"),
        bill_to: Some(plain.ship_to.clone()),
        ship_to: PostalAddress {
            first_name: some("Anton"),
            last_name: some("Huber"),
            company: some("Huber KG"),
            address_1: some("Gasse 3"),
            address_2: some("Stiege 2"),
            city: some("Wien"),
            state: None,
            zip: some("1010"),
            country: some("AT"),
            phone: None,
        },
        ..plain
    }
}

/// An order with another company's billing address.
pub fn paid_by_another(number: &str) -> NewOrder {
    NewOrder {
        bill_to: Some(PostalAddress {
            company: some("Acme"),
            last_name: some("Payne"),
            address_1: some("1 Bill St"),
            city: some("Fresno"),
            country: some("US"),
            ..PostalAddress::default()
        }),
        ..order(number)
    }
}

/// An order without optional fields.
pub fn least(number: &str) -> NewOrder {
    NewOrder {
        customer: Contact::default(),
        ship_to: PostalAddress {
            last_name: some("Li"),
            address_1: some("1 A"),
            city: some("B"),
            country: some("US"),
            ..PostalAddress::default()
        },
        ..order(number)
    }
}

/// An order with special and non-ASCII characters.
pub fn hostile(number: &str) -> NewOrder {
    let mut order = gift(number);
    let to = &mut order.ship_to;
    to.first_name = some(r#"Zoë & "Søn" <b>"#);
    to.last_name = some("O'Brien 🎁 李");
    to.company = some("]]> &amp; {\"a\":1}, Ltd; \\n");
    to.address_1 = some("5, rue de l’Étoile «B»");
    to.city = some("Łódź");
    order.comments = some("<script>alert('&lt;')</script>, \"x\" 🎉");
    order
}
