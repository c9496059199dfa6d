//! The bench: what a provider's tests must be able to do to its warehouse, for the suite to ask
//! anything of the provider.
//!
//! Owns the suite's own words for orders, packages and troubles, which no provider shares.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use veracore_sync::{
    clock::MockClock,
    fulfillment::{FulfillmentProvider, NewOrder, PostalAddress},
};

/// What providers may rightly do in one way or another. A case asserts the one or the other; none
/// is left out.
pub struct Manner {
    /// Whether an order can be cancelled by a call.
    pub cancels: bool,
    /// Whether the warehouse can say no to an order that was handed over.
    pub refuses: bool,
}

/// What can go wrong on the way. For each kind a bench knows one way or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// An order is taken, and we do not hear of it.
    AnswerLost,
    /// An order is not taken, and we do not hear of that either.
    RequestLost,
    /// An order is certainly not taken, but might be later.
    TurnedAway,
    /// The warehouse does not want the order. None where [`Manner::refuses`] is false.
    Refused,
    /// Nothing that is read makes sense.
    Spoilt,
    /// What the warehouse says to an order quotes it and our password.
    Quoting,
    /// An order is cancelled, and we do not hear of it. None where [`Manner::cancels`] is false.
    CancelLost,
}

/// A package to be shipped, by UPS Ground.
pub struct Parcel<'a> {
    pub tracking: &'a str,
    pub items: &'a [(&'a str, u32)],
}

/// A row of the list of shipments as it is written there, well or badly; blank: left out.
pub struct ToldPackage<'a> {
    pub order: &'a str,
    pub tracking: &'a str,
    /// Local time.
    pub shipped: &'a str,
}

/// A name and an address: the fields that there are.
pub type Place = BTreeMap<&'static str, String>;

/// An order as the warehouse has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub number: String,
    pub placed_at: DateTime<Utc>,
    /// The provider's name of the shipping method.
    pub shipping: String,
    /// SKU, units, and the price of one, digit by digit.
    pub lines: Vec<(String, u32, String)>,
    pub ship_to: Place,
    /// Who pays, without a phone number.
    pub pays: Place,
    pub email: Option<String>,
    pub comments: Option<String>,
}

impl Arrived {
    /// What must arrive of an order.
    pub fn of(order: &NewOrder) -> Self {
        let mut pays = place(order.bill_to.as_ref().unwrap_or(&order.ship_to));
        pays.remove("phone");
        Self {
            number: order.number.to_string(),
            placed_at: order.placed_at,
            shipping: order.shipping_method.clone(),
            lines: order
                .items
                .iter()
                .map(|item| {
                    let price = item.unit_price.to_string();
                    (item.sku.to_string(), item.quantity.get(), price)
                })
                .collect(),
            ship_to: place(&order.ship_to),
            pays,
            email: order.customer.email.clone(),
            comments: order.comments.clone(),
        }
    }
}

fn place(to: &PostalAddress) -> Place {
    [
        ("first name", &to.first_name),
        ("last name", &to.last_name),
        ("company", &to.company),
        ("address 1", &to.address_1),
        ("address 2", &to.address_2),
        ("city", &to.city),
        ("state", &to.state),
        ("zip", &to.zip),
        ("country", &to.country),
        ("phone", &to.phone),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value.clone()?)))
    .collect()
}

/// A provider and its warehouse, both of a test's own.
#[async_trait]
pub trait Bench: Send + Sync + Sized {
    const MANNER: Manner;

    /// An empty warehouse in Los Angeles, on an afternoon in November 2026, and a provider for it.
    async fn open() -> Self;

    fn provider(&self) -> &dyn FulfillmentProvider;

    /// The clock of both.
    fn clock(&self) -> &MockClock;

    /// What no message may show.
    fn password(&self) -> Option<&'static str>;

    /// The orders that arrived, in any sequence.
    fn arrived(&self) -> Vec<Arrived>;

    /// How often anything was done that can make an order arrive.
    fn sends(&self) -> usize;

    /// Puts goods on the shelves.
    fn stock(&self, levels: &[(&str, u32)]);

    /// Ships packages of an order, now. What the warehouse says of itself is up to date afterwards,
    /// as after [`void`](Self::void) and the like.
    fn ship(&self, number: &str, parcels: &[Parcel<'_>]);

    /// Takes a package back.
    fn void(&self, number: &str, tracking: &str);

    /// The warehouse cancels an order by itself.
    fn cancel(&self, number: &str);

    /// Lets a warehouse that tells things only from time to time tell them now.
    fn catch_up(&self) {}

    /// From now on the stock is told to be this, in these very words.
    fn tell_stock(&self, rows: &[(&str, &str)]);

    /// From now on these are said to be the packages.
    fn tell_packages(&self, rows: &[ToldPackage<'_>]);

    /// From now on whoever asks for the order `asked` is told of `other`.
    fn confuse(&self, asked: &str, other: &str);

    /// Arranges for a trouble in one of its ways, and names it; `None`: there are not so many ways.
    fn trouble(&self, kind: Trouble, way: usize) -> Option<&'static str>;

    /// Nothing can be reached any more.
    async fn go_down(&self);

    /// Orders that cannot be said in the provider's terms, and how the message names what is wrong.
    fn unsendable(&self) -> Vec<(NewOrder, &'static str)>;
}

/// Looks at a trouble in each of its ways, each at a bench of its own, and says how many there are.
pub async fn in_every_way<B: Bench>(kind: Trouble, look: impl AsyncFn(&B, &str)) -> usize {
    let mut way = 0;
    loop {
        let bench = B::open().await;
        let Some(name) = bench.trouble(kind, way) else {
            return way;
        };
        look(&bench, name).await;
        way += 1;
    }
}
