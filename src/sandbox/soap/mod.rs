//! VeraCore's style `oms`: the SOAP services, with answers as .NET writes them.
//!
//! Owns paths, operations and the wire format of this style, written from public descriptions
//! alone and not from our client, so that an error in one of them shows. Must not keep any state of
//! its own.

mod add_order;
mod cancel;
mod catalogue;
mod charges;
mod envelope;
#[cfg(test)]
mod fuzz_tests;
mod like;
mod order_info;
mod secrets;
mod shape;
mod tables;
mod tree;
mod when;
mod xml;

use hyper::{Method, StatusCode};

pub use order_info::{FAKE_CARD, FAKE_EXPIRATION};
pub(super) use secrets::without_passwords;

use super::{call::Call, reply::Reply, shared::Shared};
use envelope::{Complaint, Request, Version, page, wrong_type};
use shape::Parts;
use tree::Node;

/// The first segment of all paths, in any case.
const ROOT: &str = "pmomsws";

/// Which service a path leads to.
enum Door {
    /// `.asmx`, with its namespace.
    Asmx(&'static str),
    Adjustment,
    AdjustmentJson,
}

/// Whether a path, after the base path, is one of this style's.
pub(super) fn is_for_soap(path: &str) -> bool {
    let first = path.split('/').nth(1);
    first.is_some_and(|first| first.eq_ignore_ascii_case(ROOT))
}

fn door(path: &str) -> Option<Door> {
    let path = path.to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    match segments.as_slice() {
        ["oms.asmx"] => Some(Door::Asmx("http://omscom/")),
        ["order.asmx"] => Some(Door::Asmx("http://sma-promail/")),
        ["orderadjustment.svc"] | ["orderadjustment.svc", "soap"] => Some(Door::Adjustment),
        ["orderadjustment.svc", "cancelorder"] => Some(Door::AdjustmentJson),
        _ => None,
    }
}

/// The operation that a call is meant for, as far as that can be told; `None` for calls of other
/// styles.
pub(super) fn operation(call: &Call) -> Option<String> {
    if call.astray || !is_for_soap(&call.path) {
        return None;
    }
    if matches!(door(&call.path)?, Door::AdjustmentJson) {
        return Some("CancelOrder".to_owned());
    }
    let action = envelope::action(&call.headers).and_then(|action| action.rsplit('/').next());
    if let Some(name) = action.filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let request = envelope::unwrap_body(call, Version::of(&call.headers)?).ok()?;
    Some(request.operation.name)
}

/// Does what the call asks for, and answers it.
pub(super) fn answer(shared: &Shared, call: &Call) -> Reply {
    let Some(door) = door(&call.path) else {
        return page(StatusCode::NOT_FOUND, "The resource cannot be found.");
    };
    if call.method != Method::POST {
        let message = "The sandbox has no help page and no WSDL: it takes POST.";
        return page(StatusCode::METHOD_NOT_ALLOWED, message);
    }
    match door {
        Door::Asmx(space) => asmx(shared, call, space),
        Door::Adjustment => cancel::soap(shared, call),
        Door::AdjustmentJson => cancel::json(shared, call),
    }
}

fn asmx(shared: &Shared, call: &Call, space: &'static str) -> Reply {
    let Some(version) = Version::of(&call.headers) else {
        return wrong_type();
    };
    let request = match envelope::open(call, version, space) {
        Ok(request) => request,
        Err(complaint) => return envelope::fault(version, "Read", &complaint),
    };
    let name = request.operation.name.clone();
    match perform(shared, call, space, &request) {
        Ok(result) => envelope::answer(version, space, &name, &result),
        Err(complaint) => envelope::fault(version, &name, &complaint),
    }
}

/// As in .NET, what cannot be read is refused before the login is looked at.
fn perform(
    shared: &Shared,
    call: &Call,
    space: &str,
    request: &Request,
) -> Result<String, Complaint> {
    let operation = &request.operation;
    let name = operation.name.as_str();
    let Some(parts) = table(name) else {
        return Err(Complaint::Client(format!("there is no operation {name}")));
    };
    shape::check(operation, name, parts, space).map_err(Complaint::Client)?;
    envelope::authorize(&shared.config, request.login.as_ref(), space)?;
    run(shared, operation, call).map_err(Complaint::Server)
}

fn table(name: &str) -> Option<Parts> {
    Some(match name {
        "AddOrder" => tables::ADD_ORDER,
        "GetOrderInfo" => tables::GET_ORDER_INFO,
        "GetShippingCharge" => tables::GET_SHIPPING_CHARGE,
        "GetOffers" => tables::GET_OFFERS,
        "GetProductAvailabilities" => tables::GET_PRODUCT_AVAILABILITIES,
        _ => return None,
    })
}

fn run(shared: &Shared, operation: &Node, call: &Call) -> Result<String, String> {
    match operation.name.as_str() {
        "AddOrder" => {
            let body = without_passwords(&String::from_utf8_lossy(&call.body));
            add_order::run(shared, operation, body)
        }
        "GetOrderInfo" => order_info::run(shared, operation),
        "GetShippingCharge" => charges::run(shared, operation),
        "GetOffers" => catalogue::offers(shared, operation),
        _ => catalogue::availabilities(shared, operation),
    }
}
