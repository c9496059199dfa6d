//! The entry point of the VeraCore APIs: logs every call and injects the faults.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use hyper::{
    StatusCode,
    body::Bytes,
    header::{HeaderValue, RETRY_AFTER},
};
use serde_json::Value;

use super::{
    call::Call,
    faults::{FaultKind, FaultTarget, Work, header_map, status_of},
    journal::LoggedRequest,
    reply::{Filler, Outcome, Reply},
    rest,
    shared::Shared,
    soap,
};

const JSON: &str = "application/json";
const XML: &str = "text/xml; charset=utf-8";
const GATEWAY_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\
<body><h1>Bad Gateway</h1><p>The server is temporarily unavailable.</p></body></html>\n";

/// Handles a call and returns its id in the journal, and the response to send.
pub(super) async fn handle(shared: &Arc<Shared>, call: &Call) -> (u64, Outcome) {
    let operation = soap::operation(call);
    let (id, fault) = shared.change(|state| {
        let fault = state.faults.match_call(&FaultTarget {
            method: call.method.as_str(),
            path: &call.path,
            full_path: &call.full_path,
            body: &call.body,
            operation: operation.as_deref(),
            ignore_case: is_soap(call),
        });
        let entry = LoggedRequest {
            id: 0,
            at: shared.clock.now(),
            method: call.method.to_string(),
            path: call.path.clone(),
            operation,
            query: call.query.clone(),
            body: logged_body(call),
            status: None,
            dropped: false,
            fault: fault.as_ref().map(FaultKind::name),
        };
        (state.journal.open(entry), fault)
    });
    let (status, outcome) = match fault {
        None => complete(perform(shared, call)),
        Some(fault) => inject(shared, call, fault).await,
    };
    let dropped = matches!(outcome, Outcome::Silence | Outcome::Half(_));
    shared.change(|state| {
        state.journal.update(id, |request| {
            request.status = status;
            request.dropped = dropped;
        });
    });
    (id, outcome)
}

fn is_soap(call: &Call) -> bool {
    !call.outside_base && soap::is_for_soap(&call.path)
}

/// Executes the call as if there were no faults.
fn perform(shared: &Shared, call: &Call) -> Reply {
    if is_soap(call) {
        soap::handle(shared, call)
    } else {
        rest::handle(shared, call)
    }
}

fn logged_body(call: &Call) -> String {
    let body = String::from_utf8_lossy(&call.body);
    if is_soap(call) {
        soap::redact_passwords(&body)
    } else {
        body.into_owned()
    }
}

/// The status for the journal, and the response to send.
type StatusAndOutcome = (Option<u16>, Outcome);

fn complete(reply: Reply) -> StatusAndOutcome {
    (Some(reply.status.as_u16()), Outcome::Answer(reply))
}

async fn inject(shared: &Arc<Shared>, call: &Call, fault: FaultKind) -> StatusAndOutcome {
    let work = || perform(shared, call);
    match fault {
        FaultKind::Status {
            status,
            body,
            headers,
            done,
        } => {
            run_if(done, work);
            let mut reply = status_reply(status_of(status), body, is_soap(call));
            reply
                .headers
                .extend(header_map(&headers).unwrap_or_default());
            complete(reply)
        }
        FaultKind::Delay {
            milliseconds,
            work: order,
        } => {
            let delay = Duration::from_millis(milliseconds);
            match order {
                Work::Before => {
                    let reply = work();
                    tokio::time::sleep(delay).await;
                    complete(reply)
                }
                Work::After => {
                    tokio::time::sleep(delay).await;
                    complete(work())
                }
            }
        }
        FaultKind::DropRequest => (None, Outcome::Silence),
        FaultKind::DropAnswer => (Some(work().status.as_u16()), Outcome::Silence),
        FaultKind::Malformed { done } => {
            let body = if done { work().body } else { Bytes::new() };
            complete(malformed(&body, is_soap(call)))
        }
        FaultKind::Partial => {
            let reply = work();
            (Some(reply.status.as_u16()), Outcome::Half(reply))
        }
        FaultKind::Html { done } => {
            run_if(done, work);
            complete(Reply::text(
                StatusCode::BAD_GATEWAY,
                "text/html; charset=utf-8",
                GATEWAY_PAGE,
            ))
        }
        FaultKind::Huge { bytes } => (Some(200), Outcome::Filler(filler(call, bytes))),
        FaultKind::RateLimited {
            retry_after,
            as_date,
        } => complete(rate_limited(shared, retry_after, as_date)),
        FaultKind::ExpireToken => {
            shared.change(|state| state.access.expire_all());
            complete(Reply::problem(
                StatusCode::UNAUTHORIZED,
                "error",
                "the token has expired",
            ))
        }
    }
}

/// Executes the call if `done` is set, and drops its response.
fn run_if(done: bool, work: impl FnOnce() -> Reply) {
    if done {
        drop(work());
    }
}

fn status_reply(status: StatusCode, body: Value, xml: bool) -> Reply {
    match body {
        Value::Null => Reply::empty(status),
        // The default content type; the fault's headers may replace it.
        Value::String(text) if xml => Reply::text(status, XML, text),
        Value::String(text) => Reply::text(status, JSON, text),
        other => Reply::json(status, &other),
    }
}

/// The first half of a body. Half of a JSON text is invalid unless the text is a bare number; half
/// of an XML document is always invalid.
fn malformed(body: &Bytes, xml: bool) -> Reply {
    let (content_type, default) = if xml {
        (XML, r"<soap:Envelope><soap:Bod")
    } else {
        (JSON, r#"{"OrderId": "VC-1"#)
    };
    let half = match body.len() {
        0 | 1 => Bytes::from_static(default.as_bytes()),
        length => body.slice(..length / 2),
    };
    Reply::text(StatusCode::OK, content_type, half)
}

fn filler(call: &Call, bytes: u64) -> Filler {
    if is_soap(call) {
        Filler::xml(bytes)
    } else {
        Filler::json(bytes)
    }
}

fn rate_limited(shared: &Shared, retry_after: u32, as_date: bool) -> Reply {
    let mut reply = Reply::message(StatusCode::TOO_MANY_REQUESTS, "too many requests");
    let value = if as_date {
        let end = shared.clock.now() + TimeDelta::seconds(retry_after.into());
        end.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    } else {
        retry_after.to_string()
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        reply.headers.insert(RETRY_AFTER, value);
    }
    reply
}
