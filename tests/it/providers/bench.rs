//! The test bench: how the suite controls a provider's warehouse, with the suite's own types for
//! orders, packages and failures.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use veracore_sync::{
    clock::MockClock,
    fulfillment::{FulfillmentProvider, NewOrder, PostalAddress},
};

/// The optional capabilities of a provider. No case is skipped: each asserts the right behavior
/// with and without the capability.
pub struct Capabilities {
    /// Orders can be cancelled by a call.
    pub cancels: bool,
    /// The warehouse can refuse a submitted order.
    pub refuses: bool,
}

/// A kind of failure. A bench has one or more forms of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The order is accepted, but the response is lost.
    ResponseLost,
    /// The order is not accepted, and there is no response.
    RequestLost,
    /// The order is certainly not accepted, but may be later.
    Rejected,
    /// The warehouse refuses the order. No forms if [`Capabilities::refuses`] is false.
    Refused,
    /// Every response is malformed.
    Malformed,
    /// The response to an order contains the order and our password.
    Echoing,
    /// The order is cancelled, but the response is lost. No forms if [`Capabilities::cancels`] is false.
    CancelLost,
}

/// A package to ship by UPS Ground.
pub struct Parcel<'a> {
    pub tracking: &'a str,
    pub items: &'a [(&'a str, u32)],
}

/// The exact text of a row of the shipment list; blank fields are omitted.
pub struct RawPackage<'a> {
    pub order: &'a str,
    pub tracking: &'a str,
    /// Local time.
    pub shipped: &'a str,
}

/// The present fields of a name and address.
pub type Place = BTreeMap<&'static str, String>;

/// An order as stored by the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub number: String,
    pub placed_at: DateTime<Utc>,
    /// The provider's name for the shipping method.
    pub shipping: String,
    /// SKU, units, and the exact text of the unit price.
    pub lines: Vec<(String, u32, String)>,
    pub ship_to: Place,
    /// The billing address, without a phone number.
    pub pays: Place,
    pub email: Option<String>,
    pub comments: Option<String>,
}

impl Arrived {
    /// The order as the warehouse must store it.
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

/// A test's own provider and warehouse.
#[async_trait]
pub trait Bench: Send + Sync + Sized {
    const CAPABILITIES: Capabilities;

    /// An empty warehouse in Los Angeles on an afternoon in November 2026, and its provider.
    async fn open() -> Self;

    fn provider(&self) -> &dyn FulfillmentProvider;

    /// The clock of the provider and the warehouse.
    fn clock(&self) -> &MockClock;

    /// The password, which must appear in no message.
    fn password(&self) -> Option<&'static str>;

    /// The orders that the warehouse accepted, in any sequence.
    fn arrived(&self) -> Vec<Arrived>;

    /// The number of attempts to submit an order.
    fn sends(&self) -> usize;

    /// Sets stock levels.
    fn stock(&self, levels: &[(&str, u32)]);

    /// Ships packages of an order now. The warehouse's lists are up to date afterwards, as after
    /// [`void`](Self::void) and the like.
    fn ship(&self, number: &str, parcels: &[Parcel<'_>]);

    /// Voids a package.
    fn void(&self, number: &str, tracking: &str);

    /// Cancels an order at the warehouse.
    fn cancel(&self, number: &str);

    /// Makes a warehouse that publishes its lists periodically publish them now.
    fn catch_up(&self) {}

    /// Replaces the stock list with these exact texts.
    fn set_stock_rows(&self, rows: &[(&str, &str)]);

    /// Replaces the shipment list with these rows.
    fn set_package_rows(&self, rows: &[RawPackage<'_>]);

    /// Makes a lookup of `asked` return the order `other`.
    fn return_other_order(&self, asked: &str, other: &str);

    /// Injects a form of a failure and returns its name; `None` if there is no such form.
    fn failure(&self, kind: Failure, way: usize) -> Option<&'static str>;

    /// Makes the warehouse unreachable.
    async fn go_down(&self);

    /// Orders that the provider cannot express, each with a part of the error message.
    fn unsendable(&self) -> Vec<(NewOrder, &'static str)>;
}

/// Runs a check for each form of a failure, each on a new bench. Returns the number of forms.
pub async fn for_each_form<B: Bench>(kind: Failure, look: impl AsyncFn(&B, &str)) -> usize {
    let mut way = 0;
    loop {
        let bench = B::open().await;
        let Some(name) = bench.failure(kind, way) else {
            return way;
        };
        look(&bench, name).await;
        way += 1;
    }
}
