//! `CancelOrder` of `orderadjustment.svc`, as SOAP and as JSON.
//!
//! Its namespace and action are not documented publicly, so any are accepted.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{call::Call, reply::Reply, shared::Shared},
    envelope::{self, SoapFault, Version, wrong_type},
    tree::Node,
};

const NAME: &str = "CancelOrder";

/// `POST …/orderadjustment.svc` and `…/orderadjustment.svc/soap`.
pub(super) fn soap(shared: &Shared, call: &Call) -> Reply {
    let Some(version) = Version::of(&call.headers) else {
        return wrong_type();
    };
    match cancel_soap(shared, call, version) {
        Ok(space) => {
            let result = format!("<{NAME}Result />");
            envelope::answer(version, &space, NAME, &result)
        }
        Err(fault) => envelope::fault(version, NAME, &fault),
    }
}

/// Returns the namespace that the caller uses.
fn cancel_soap(shared: &Shared, call: &Call, version: Version) -> Result<String, SoapFault> {
    let request = envelope::unwrap_body(call, version)?;
    let operation = request.operation;
    if operation.name != NAME {
        let name = &operation.name;
        return Err(SoapFault::Client(format!("there is no operation {name}")));
    }
    if let Some(action) = envelope::action(&call.headers)
        && !action.ends_with(NAME)
    {
        return Err(SoapFault::Client(format!("the action is {action}")));
    }
    if request.login.is_some() {
        let message = "the AuthenticationHeader belongs in the body of this service's calls";
        return Err(SoapFault::Client(message.into()));
    }
    check_children(&operation, &["OrderData"])?;
    let data = operation.child("OrderData");
    let data = data.ok_or_else(|| SoapFault::Client("OrderData is missing".into()))?;
    check_children(data, &["AuthenticationHeader", "CancelOrderWSObject"])?;
    let text = |path: &[&str]| data.at(path).map(|node| node.text.as_str());
    let id = text(&["AuthenticationHeader", "Username"]);
    let secret = text(&["AuthenticationHeader", "Password"]);
    if !envelope::is_user(&shared.config, id, secret) {
        return Err(SoapFault::Server("Invalid user name or password".into()));
    }
    let number = data.text_at(&["CancelOrderWSObject", "OrderID"]);
    cancel(shared, number).map_err(SoapFault::Server)?;
    Ok(operation.space.clone().unwrap_or_default())
}

fn check_children(node: &Node, names: &[&str]) -> Result<(), SoapFault> {
    let known = |child: &&Node| names.contains(&child.name.as_str());
    match node.children.iter().find(|child| !known(child)) {
        Some(child) => Err(SoapFault::Client(format!(
            "{}/{} is unknown",
            node.name, child.name
        ))),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderReference {
    #[serde(rename = "OrderID")]
    order_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OrderData {
    authentication_header: Credentials,
    #[serde(rename = "CancelOrderWSObject")]
    order: OrderReference,
}

/// `POST …/orderadjustment.svc/CancelOrder`.
pub(super) fn json(shared: &Shared, call: &Call) -> Reply {
    let error = |status, message: String| Reply::problem(status, "Error", message);
    let data: OrderData = match serde_json::from_slice(&call.body) {
        Ok(data) => data,
        Err(problem) => return error(StatusCode::BAD_REQUEST, problem.to_string()),
    };
    let Credentials { username, password } = &data.authentication_header;
    if !envelope::is_user(&shared.config, Some(username), Some(password)) {
        let message = "Invalid user name or password";
        return error(StatusCode::FORBIDDEN, message.into());
    }
    match cancel(shared, Some(data.order.order_id.trim())) {
        Ok(()) => Reply::json(StatusCode::OK, &json!({ "Error": null })),
        Err(message) => error(StatusCode::INTERNAL_SERVER_ERROR, message),
    }
}

fn cancel(shared: &Shared, number: Option<&str>) -> Result<(), String> {
    let number = number
        .filter(|number| !number.is_empty())
        .ok_or("OrderID is missing")?;
    let result = shared.change(|state| state.warehouse.cancel_for_client(number));
    result.map(drop).map_err(|refusal| refusal.to_string())
}
