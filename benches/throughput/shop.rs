//! The fake shop: answers our client's operations over HTTP from memory, at almost no cost.
//!
//! Implements as much of Vendure as the syncs need (orders, levels, allocations, fulfillments), and
//! counts calls. `real` measures a real Vendure.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::header::{CONTENT_TYPE, HeaderName},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use tokio::net::TcpListener;
use veracore_sync::clock::{Clock as _, SystemClock};

const SETTLED: &str = "PaymentSettled";

/// The interval between the creation of orders, so that sweep pages have distinct times.
const APART: TimeDelta = TimeDelta::milliseconds(10);

#[derive(Default)]
struct Data {
    levels: Vec<Level>,
    orders: Vec<Order>,
    /// Orders that are not shipped yet.
    settled: usize,
    fulfillments: u64,
    calls: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Default)]
struct Level {
    on_hand: i64,
    allocated: i64,
}

#[derive(Default)]
struct Order {
    shipped: bool,
    /// Units per variant.
    lines: Vec<(usize, i64)>,
    fulfillments: Vec<Fulfillment>,
}

struct Fulfillment {
    id: u64,
    shipped: bool,
    tracking: String,
    lines: Vec<(String, i64)>,
}

/// A running shop; it ends with the process.
#[derive(Clone)]
pub struct Shop {
    data: Arc<Mutex<Data>>,
    epoch: DateTime<Utc>,
    pub api_url: String,
}

/// The SKU of a variant, in the shop and at VeraCore.
pub fn sku(variant: usize) -> String {
    format!("SKU-{variant:06}")
}

/// The code of an order.
pub fn code(order: usize) -> String {
    format!("BENCH{order:07}")
}

impl Shop {
    /// Starts a shop with this number of variants, each with `on_hand` units.
    pub async fn start(variants: usize, on_hand: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let level = Level {
            on_hand,
            allocated: 0,
        };
        let data = Data {
            levels: vec![level; variants],
            ..Data::default()
        };
        let shop = Self {
            data: Arc::new(Mutex::new(data)),
            epoch: SystemClock.now() - TimeDelta::days(1),
            api_url: format!("http://{}/admin-api", listener.local_addr().unwrap()),
        };
        let router = Router::new()
            .route("/admin-api", post(answer))
            .layer(axum::extract::DefaultBodyLimit::max(1 << 20))
            .with_state(shop.clone());
        super::spawn(async move { axum::serve(listener, router).await.unwrap() });
        shop
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    /// Adds paid orders, each of two units of a variant.
    pub fn place(&self, orders: usize) {
        let mut data = self.data();
        for _ in 0..orders {
            let variant = data.orders.len() % data.levels.len().max(1);
            data.levels[variant].allocated += 2;
            data.orders.push(Order {
                lines: vec![(variant, 2)],
                ..Order::default()
            });
            data.settled += 1;
        }
    }

    /// Changes the level of every `nth` variant, as after a day of sales.
    pub fn disturb(&self, nth: usize) {
        for level in self.data().levels.iter_mut().step_by(nth) {
            level.on_hand += 1;
        }
    }

    /// The sellable units of all variants.
    pub fn sellable(&self) -> i64 {
        let data = self.data();
        data.levels.iter().map(|l| l.on_hand - l.allocated).sum()
    }

    pub fn shipped(&self) -> usize {
        let data = self.data();
        data.orders.len() - data.settled
    }

    /// The number of calls of each operation since the last call of this function.
    pub fn take_calls(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.data().calls)
    }

    fn at(&self, order: usize) -> DateTime<Utc> {
        self.epoch + APART * i32::try_from(order).unwrap()
    }

    /// The first order created after a time.
    fn after(&self, moment: &str) -> usize {
        let moment: DateTime<Utc> = moment.parse().unwrap();
        let since = (moment - self.epoch).num_milliseconds();
        if since < 0 {
            return 0;
        }
        usize::try_from(since / APART.num_milliseconds() + 1).unwrap()
    }
}

async fn answer(State(shop): State<Shop>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let operation = request["operationName"].as_str().unwrap_or("").to_owned();
    let data = {
        let mut held = shop.data();
        *held.calls.entry(operation.clone()).or_default() += 1;
        held.answer(&shop, &operation, &request["variables"])
    };
    let token = HeaderName::from_static("vendure-auth-token");
    let text = format!("{{\"data\":{data}}}");
    ([(CONTENT_TYPE, "application/json"), (token, "token")], text).into_response()
}

const CHANNEL: &str = r#""activeChannel":{"code":"__default_channel__","token":"channel"}"#;

/// Joins items with commas.
fn list<T>(items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut String, T)) -> String {
    let mut text = String::from("[");
    for each in items {
        if text.len() > 1 {
            text.push(',');
        }
        item(&mut text, each);
    }
    text.push(']');
    text
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    let items = value.as_array()?;
    Some(items.iter().filter_map(Value::as_str).collect())
}

fn number(value: &Value, absent: usize) -> usize {
    value
        .as_u64()
        .map_or(absent, |number| usize::try_from(number).unwrap())
}

/// Ids start at 1.
fn index(id: &str) -> usize {
    id.parse::<usize>().unwrap() - 1
}

impl Data {
    fn answer(&mut self, shop: &Shop, operation: &str, variables: &Value) -> String {
        let options = &variables["options"];
        let settings = r#""globalSettings":{"trackInventory":true,"serverConfig":{"moneyStrategyPrecision":2}}"#;
        match operation {
            "Login" => r#"{"login":{"__typename":"CurrentUser","id":"1"}}"#.into(),
            "Shop" => format!("{{{CHANNEL}}}"),
            "ProbeOrders" => r#"{"orders":{"totalItems":0}}"#.into(),
            "ProbeVariants" => r#"{"productVariants":{"totalItems":0}}"#.into(),
            "ProbeUpdateVariants" => r#"{"updateProductVariants":[]}"#.into(),
            "ProbeUpdateOrder" => r#"{"addNoteToOrder":{"id":"0"}}"#.into(),
            "Locations" => r#"{"stockLocations":{"items":[{"id":"1","name":"Main"}]}}"#.into(),
            "Newest" => {
                let newest = self.settled_ones().rev().take(number(&options["take"], 50));
                let items = list(newest, |text, at| self.reference(text, shop, at));
                let total = self.settled;
                format!(
                    r#"{{{CHANNEL},"orders":{{"totalItems":{total},"items":{items}}},"all":{{"totalItems":{total}}}}}"#
                )
            }
            "Orders" => {
                let items = list(self.listed(shop, options), |text, at| {
                    self.reference(text, shop, at);
                });
                format!(
                    r#"{{{CHANNEL},"orders":{{"totalItems":{},"items":{items}}}}}"#,
                    self.settled
                )
            }
            "OrderQuery" => {
                let at = index(variables["id"].as_str().unwrap());
                let mut order = String::new();
                self.whole(&mut order, shop, at);
                format!(r#"{{{CHANNEL},{settings},"order":{order}}}"#)
            }
            "WholeOrders" => {
                let items = list(self.listed(shop, options), |text, at| {
                    self.whole(text, shop, at);
                });
                format!(r#"{{{CHANNEL},{settings},"orders":{{"totalItems":0,"items":{items}}}}}"#)
            }
            "Progress" => {
                let items = list(self.listed(shop, options), |text, at| {
                    self.progress(text, at);
                });
                format!(r#"{{{CHANNEL},"orders":{{"totalItems":0,"items":{items}}}}}"#)
            }
            "Variants" => {
                let (total, variants) = self.variants(options);
                let items = list(variants, |text, at| self.variant(text, at));
                format!(
                    r#"{{{CHANNEL},{settings},"productVariants":{{"totalItems":{total},"items":{items}}}}}"#
                )
            }
            "SetStock" => self.set_stock(&variables["input"]),
            "AddFulfillment" => self.fulfill(&variables["input"]),
            "Ship" => self.ship(variables["id"].as_str().unwrap()),
            "SetFields" => format!(
                r#"{{"setOrderCustomFields":{{"id":{}}}}}"#,
                variables["input"]["id"]
            ),
            "" => {
                r#"{"__type":{"inputFields":[{"name":"trackingCode"},{"name":"carrier"},{"name":"shipDate"}]}}"#
                    .into()
            }
            other => panic!("the fake shop has no operation {other}"),
        }
    }

    fn settled_ones(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.orders.len()).filter(|at| !self.orders[*at].shipped)
    }

    /// Orders by id, or a page of those in a state by creation time.
    fn listed(&self, shop: &Shop, options: &Value) -> Vec<usize> {
        let filter = &options["filter"];
        if let Some(ids) = strings(&filter["id"]["in"]) {
            return ids.into_iter().map(index).collect();
        }
        let states = strings(&filter["state"]["in"]).unwrap_or_default();
        if !states.contains(&SETTLED) {
            return Vec::new();
        }
        let from = filter["createdAt"]["after"].as_str();
        let from = from.map_or(0, |moment| shop.after(moment));
        let skip = number(&options["skip"], 0);
        let take = number(&options["take"], 100);
        (from..self.orders.len())
            .filter(|at| !self.orders[*at].shipped)
            .skip(skip)
            .take(take)
            .collect()
    }

    fn variants(&self, options: &Value) -> (usize, Vec<usize>) {
        let filter = &options["filter"];
        if let Some(ids) = strings(&filter["id"]["in"]) {
            return (ids.len(), ids.into_iter().map(index).collect());
        }
        if let Some(skus) = strings(&filter["sku"]["in"]) {
            let known = skus.iter().filter_map(|sku| sku[4..].parse().ok());
            let known: Vec<usize> = known.filter(|at| *at < self.levels.len()).collect();
            return (known.len(), known);
        }
        let skip = number(&options["skip"], 0);
        let take = number(&options["take"], 100);
        let page = (0..self.levels.len()).skip(skip).take(take);
        (self.levels.len(), page.collect())
    }

    fn reference(&self, text: &mut String, shop: &Shop, at: usize) {
        let state = self.state(at);
        let moment = shop.at(at).to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(
            text,
            r#"{{"id":"{}","code":"{}","state":"{state}","createdAt":"{moment}","orderPlacedAt":"{moment}"}}"#,
            at + 1,
            code(at)
        )
        .unwrap();
    }

    fn state(&self, at: usize) -> &'static str {
        if self.orders[at].shipped {
            "Shipped"
        } else {
            SETTLED
        }
    }

    fn whole(&self, text: &mut String, shop: &Shop, at: usize) {
        self.reference(text, shop, at);
        // Continue after the reference's last field.
        text.pop();
        let lines = self.orders[at].lines.iter().enumerate();
        let lines = list(lines, |text, (line, (variant, units))| {
            write!(
                text,
                r#"{{"id":"{}:{line}","quantity":{units},"proratedUnitPrice":999,"proratedUnitPriceWithTax":1099,"productVariant":{{"sku":"{}"}}}}"#,
                at + 1,
                sku(*variant)
            )
            .unwrap();
        });
        write!(
            text,
            r#","currencyCode":"USD","customer":{{"firstName":"Ann","lastName":"Lee","emailAddress":"ann{at}@example.com","phoneNumber":"775-555-0100"}},"shippingAddress":{{"fullName":"Ann Lee","company":null,"streetLine1":"{at} Desert Way","streetLine2":"","city":"Reno","province":"NV","postalCode":"89501","countryCode":"US","phoneNumber":null}},"billingAddress":null,"shippingLines":[{{"shippingMethod":{{"code":"ground"}}}}],"lines":{lines}}}"#
        )
        .unwrap();
    }

    fn progress(&self, text: &mut String, at: usize) {
        let order = &self.orders[at];
        let lines = list(
            order.lines.iter().enumerate(),
            |text, (line, (variant, units))| {
                write!(
                text,
                r#"{{"id":"{}:{line}","quantity":{units},"productVariant":{{"id":"{}","sku":"{}"}}}}"#,
                at + 1,
                variant + 1,
                sku(*variant)
            )
            .unwrap();
            },
        );
        let fulfillments = list(&order.fulfillments, |text, made| {
            let state = if made.shipped { "Shipped" } else { "Pending" };
            let lines = list(&made.lines, |text, (line, units)| {
                write!(text, r#"{{"orderLineId":"{line}","quantity":{units}}}"#).unwrap();
            });
            write!(
                text,
                r#"{{"id":"{}","state":"{state}","trackingCode":"{}","lines":{lines}}}"#,
                made.id, made.tracking
            )
            .unwrap();
        });
        write!(
            text,
            r#"{{"id":"{}","code":"{}","state":"{}","lines":{lines},"fulfillments":{fulfillments}}}"#,
            at + 1,
            code(at),
            self.state(at)
        )
        .unwrap();
    }

    fn variant(&self, text: &mut String, at: usize) {
        let Level { on_hand, allocated } = self.levels[at];
        write!(
            text,
            r#"{{"id":"{}","sku":"{}","trackInventory":"INHERIT","stockLevels":[{{"stockLocationId":"1","stockOnHand":{on_hand},"stockAllocated":{allocated}}}]}}"#,
            at + 1,
            sku(at)
        )
        .unwrap();
    }

    fn set_stock(&mut self, input: &Value) -> String {
        let mut written = Vec::new();
        for item in input.as_array().unwrap() {
            let at = index(item["id"].as_str().unwrap());
            self.levels[at].on_hand = item["stockLevels"][0]["stockOnHand"].as_i64().unwrap();
            written.push(at);
        }
        let items = list(written, |text, at| self.variant(text, at));
        format!(r#"{{"updateProductVariants":{items}}}"#)
    }

    fn fulfill(&mut self, input: &Value) -> String {
        let arguments = input["handler"]["arguments"].as_array().unwrap();
        let tracking = arguments
            .iter()
            .find(|argument| argument["name"] == "trackingCode")
            .and_then(|argument| argument["value"].as_str())
            .unwrap_or_default()
            .to_owned();
        self.fulfillments += 1;
        let id = self.fulfillments;
        let (mut lines, mut of) = (Vec::new(), 0);
        for line in input["lines"].as_array().unwrap() {
            let name = line["orderLineId"].as_str().unwrap();
            let units = line["quantity"].as_i64().unwrap();
            let (order, line) = name.split_once(':').unwrap();
            of = index(order);
            let (variant, _) = self.orders[of].lines[line.parse::<usize>().unwrap()];
            self.levels[variant].on_hand -= units;
            self.levels[variant].allocated -= units;
            lines.push((name.to_owned(), units));
        }
        self.orders[of].fulfillments.push(Fulfillment {
            id,
            shipped: false,
            tracking,
            lines,
        });
        format!(
            r#"{{"addFulfillmentToOrder":{{"__typename":"Fulfillment","id":"{id}","state":"Pending"}}}}"#
        )
    }

    fn ship(&mut self, id: &str) -> String {
        let number: u64 = id.parse().unwrap();
        for order in &mut self.orders {
            for made in order.fulfillments.iter_mut().filter(|f| f.id == number) {
                made.shipped = true;
                order.shipped = true;
                self.settled -= 1;
            }
        }
        format!(
            r#"{{"transitionFulfillmentToState":{{"__typename":"Fulfillment","id":"{id}","state":"Shipped"}}}}"#
        )
    }
}
