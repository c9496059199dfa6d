//! The control API under `/sandbox`, with which a tester drives the warehouse.
//!
//! It has no credentials, which is why the listener's default is loopback. Its calls are not logged
//! and no fault applies to them.

use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    call::{Call, segments},
    details::Details,
    faults::Fault,
    orders::{Item, NewPackage, OrderedItem},
    reply::Reply,
    shared::Shared,
    warehouse::{IncomingOrder, Refusal},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnHand {
    on_hand: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ShipRequest {
    packages: Vec<NewPackage>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ForeignOrder {
    items: Vec<Item>,
}

pub(super) fn handle(shared: &Shared, call: &Call) -> Reply {
    let segments = segments(&call.full_path).unwrap_or_default();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let result = match (call.method.as_str(), path.as_slice()) {
        (_, ["orders", rest @ ..]) => orders(shared, call, rest),
        (_, ["faults"]) => faults(shared, call),
        ("GET", [] | [""]) => Ok(overview(shared)),
        ("GET", ["stock"]) => Ok(ok(&shared.read(|state| state.warehouse.stock()))),
        ("PUT", ["stock", sku]) => put_stock(shared, call, sku),
        ("GET", ["requests"]) => Ok(ok(&shared.read(|state| state.journal.all()))),
        ("DELETE", ["requests"]) => {
            shared.change(|state| state.journal.clear());
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        ("DELETE", ["tokens"]) => {
            shared.change(|state| state.access.expire_all());
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unknown(call)),
    };
    result.unwrap_or_else(|refusal| {
        let status = match refusal {
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Reply::pretty(status, &json!({ "message": refusal.to_string() }))
    })
}

fn orders(shared: &Shared, call: &Call, path: &[&str]) -> Result<Reply, Refusal> {
    let now = shared.clock.now();
    match (call.method.as_str(), path) {
        ("GET", []) => Ok(ok(&shared.read(|state| state.warehouse.orders().to_vec()))),
        ("GET", [number]) => match shared.read(|state| state.warehouse.order(number).cloned()) {
            Some(order) => Ok(ok(&order)),
            None => Err(Refusal::NotFound(format!("there is no order {number}"))),
        },
        ("PUT", [number]) => record(shared, number, body(call)?),
        ("POST", [number, "ship"]) => {
            let ShipRequest { packages } = body(call)?;
            let shipped = shared.change(|state| state.warehouse.ship(number, packages, now))?;
            Ok(ok(&json!({ "packages": shipped })))
        }
        ("POST", [number, "pick"]) => {
            let order = shared.change(|state| state.warehouse.start_picking(number))?;
            Ok(ok(&order))
        }
        ("POST", [number, "cancel"]) => {
            let order = shared.change(|state| state.warehouse.cancel(number))?;
            Ok(ok(&order))
        }
        ("POST", [number, "packages", package, "void"]) => {
            let voided = shared.change(|state| state.warehouse.void(number, package, now))?;
            Ok(ok(&voided))
        }
        _ => Err(unknown(call)),
    }
}

fn record(shared: &Shared, number: &str, foreign: ForeignOrder) -> Result<Reply, Refusal> {
    let order = shared.record_foreign(number, foreign.items)?;
    Ok(Reply::pretty(StatusCode::CREATED, &order))
}

fn put_stock(shared: &Shared, call: &Call, sku: &str) -> Result<Reply, Refusal> {
    let OnHand { on_hand } = body(call)?;
    if sku.trim().is_empty() {
        return Err(Refusal::Invalid("the SKU is blank".into()));
    }
    let level = shared.change(|state| state.warehouse.set_stock(sku, on_hand));
    Ok(ok(&level))
}

fn faults(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    match call.method {
        Method::GET => {}
        Method::DELETE => shared.change(|state| state.faults.clear()),
        Method::POST => {
            let fault = read_fault(&body(call)?)?;
            shared.change(|state| state.faults.add(fault));
        }
        Method::PUT => {
            // Parse all before any takes effect.
            let faults = body::<Vec<Value>>(call)?
                .iter()
                .map(read_fault)
                .collect::<Result<Vec<_>, _>>()?;
            shared.change(|state| {
                state.faults.clear();
                for fault in faults {
                    state.faults.add(fault);
                }
            });
        }
        _ => return Err(unknown(call)),
    }
    Ok(ok(&shared.read(|state| state.faults.all())))
}

fn read_fault(value: &Value) -> Result<Fault, Refusal> {
    Fault::from_json(value).map_err(Refusal::Invalid)
}

fn overview(shared: &Shared) -> Reply {
    ok(&shared.read(|state| {
        json!({
            "base_url": shared.base_url,
            "company_id": shared.config.company_id,
            "client_id": shared.config.client_id,
            "orders": state.warehouse.orders().len(),
            "skus": state.warehouse.stock().len(),
            "requests": state.journal.all().len(),
            "faults": state.faults.all().len(),
        })
    }))
}

impl Shared {
    /// Records an order as if another client had sent it.
    pub(super) fn record_foreign(
        &self,
        number: &str,
        items: Vec<Item>,
    ) -> Result<super::ArrivedOrder, Refusal> {
        if number.trim().is_empty() {
            return Err(Refusal::Invalid("the order number is blank".into()));
        }
        let items = items.into_iter().map(|item| OrderedItem {
            sku: item.sku,
            quantity: item.quantity,
            unit_price: None,
        });
        let order = IncomingOrder {
            number: number.to_owned(),
            items: items.collect(),
            body: None,
            details: Details::default(),
        };
        let now = self.clock.now();
        self.change(|state| state.warehouse.accept(order, now).cloned())
    }
}

fn ok(body: &impl Serialize) -> Reply {
    Reply::pretty(StatusCode::OK, body)
}

fn unknown(call: &Call) -> Refusal {
    Refusal::NotFound(format!(
        "the control API has no {} {}; see docs/sandbox.md",
        call.method, call.full_path
    ))
}

/// The body as JSON; an empty body counts as `{}`.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    let bytes = if call.body.trim_ascii().is_empty() {
        b"{}".as_slice()
    } else {
        &call.body
    };
    serde_json::from_slice(bytes).map_err(|error| Refusal::Invalid(error.to_string()))
}
