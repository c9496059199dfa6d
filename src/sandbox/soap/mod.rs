//! The API of the style `oms`: SOAP services with responses in .NET's format.

mod add_order;
mod cancel;
mod catalogue;
mod charges;
mod dates;
mod envelope;
#[cfg(test)]
mod fuzz_tests;
mod like;
mod order_info;
mod secrets;
mod shape;
mod tables;
mod tree;
mod xml;

use hyper::{Method, StatusCode};

pub use order_info::{FAKE_CARD, FAKE_EXPIRATION};
pub(super) use secrets::redact_passwords;

use super::{call::Call, reply::Reply, shared::Shared};
use envelope::{Request, SoapFault, Version, text_page, wrong_type};
use shape::Parts;
use tree::Node;

/// The first segment of all paths; matched in any case.
const ROOT: &str = "pmomsws";

enum Service {
    /// `oms.asmx` or `order.asmx`, with its namespace.
    Asmx(&'static str),
    Adjustment,
    AdjustmentJson,
}

/// Whether a path, without the base path, belongs to this style.
pub(super) fn is_for_soap(path: &str) -> bool {
    let first = path.split('/').nth(1);
    first.is_some_and(|first| first.eq_ignore_ascii_case(ROOT))
}

fn service_of(path: &str) -> Option<Service> {
    let path = path.to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    match segments.as_slice() {
        ["oms.asmx"] => Some(Service::Asmx("http://omscom/")),
        ["order.asmx"] => Some(Service::Asmx("http://sma-promail/")),
        ["orderadjustment.svc"] | ["orderadjustment.svc", "soap"] => Some(Service::Adjustment),
        ["orderadjustment.svc", "cancelorder"] => Some(Service::AdjustmentJson),
        _ => None,
    }
}

/// The operation of a call, from its action or its body; `None` for calls of other styles.
pub(super) fn operation(call: &Call) -> Option<String> {
    if call.outside_base || !is_for_soap(&call.path) {
        return None;
    }
    if matches!(service_of(&call.path)?, Service::AdjustmentJson) {
        return Some("CancelOrder".to_owned());
    }
    let action = envelope::action(&call.headers).and_then(|action| action.rsplit('/').next());
    if let Some(name) = action.filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let request = envelope::unwrap_body(call, Version::of(&call.headers)?).ok()?;
    Some(request.operation.name)
}

/// Executes a call and returns its response.
pub(super) fn handle(shared: &Shared, call: &Call) -> Reply {
    let Some(service) = service_of(&call.path) else {
        return text_page(StatusCode::NOT_FOUND, "The resource cannot be found.");
    };
    if call.method != Method::POST {
        let message = "The sandbox has no help page and no WSDL; it accepts POST only.";
        return text_page(StatusCode::METHOD_NOT_ALLOWED, message);
    }
    match service {
        Service::Asmx(space) => asmx(shared, call, space),
        Service::Adjustment => cancel::soap(shared, call),
        Service::AdjustmentJson => cancel::json(shared, call),
    }
}

fn asmx(shared: &Shared, call: &Call, space: &'static str) -> Reply {
    let Some(version) = Version::of(&call.headers) else {
        return wrong_type();
    };
    let request = match envelope::open(call, version, space) {
        Ok(request) => request,
        Err(fault) => return envelope::fault(version, "Read", &fault),
    };
    let name = request.operation.name.clone();
    match perform(shared, call, space, &request) {
        Ok(result) => envelope::answer(version, space, &name, &result),
        Err(fault) => envelope::fault(version, &name, &fault),
    }
}

/// As in .NET, an invalid request is refused before its credentials are checked.
fn perform(
    shared: &Shared,
    call: &Call,
    space: &str,
    request: &Request,
) -> Result<String, SoapFault> {
    let operation = &request.operation;
    let name = operation.name.as_str();
    let Some(parts) = table(name) else {
        return Err(SoapFault::Client(format!("there is no operation {name}")));
    };
    shape::check(operation, name, parts, space).map_err(SoapFault::Client)?;
    envelope::authorize(&shared.config, request.login.as_ref(), space)?;
    run(shared, operation, call).map_err(SoapFault::Server)
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
            let body = redact_passwords(&String::from_utf8_lossy(&call.body));
            add_order::run(shared, operation, body)
        }
        "GetOrderInfo" => order_info::run(shared, operation),
        "GetShippingCharge" => charges::run(shared, operation),
        "GetOffers" => catalogue::offers(shared, operation),
        _ => catalogue::availabilities(shared, operation),
    }
}
