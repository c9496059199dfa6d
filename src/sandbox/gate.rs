//! The gate before the VeraCore face: every call is written down and meets the faults here.
//!
//! Owns how a fault is carried out. Must not know what a call means: the face does the work.

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
    faults::{FaultKind, Target, Work, header_map, status_of},
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

/// Takes a call through the faults to the face, and gives its id in the journal and its end.
pub(super) async fn pass(shared: &Arc<Shared>, call: &Call) -> (u64, Outcome) {
    let operation = soap::operation(call);
    let (id, fault) = shared.change(|state| {
        let fault = state.faults.strike(&Target {
            method: call.method.as_str(),
            path: &call.path,
            full_path: &call.full_path,
            body: &call.body,
            operation: operation.as_deref(),
            any_case: is_soap(call),
        });
        let entry = LoggedRequest {
            id: 0,
            at: shared.clock.now(),
            method: call.method.to_string(),
            path: call.path.clone(),
            operation,
            query: call.query.clone(),
            body: kept_body(call),
            status: None,
            dropped: false,
            fault: fault.as_ref().map(FaultKind::name),
        };
        (state.journal.open(entry), fault)
    });
    let (status, outcome) = match fault {
        None => whole(answer(shared, call)),
        Some(fault) => inject(shared, call, fault).await,
    };
    let dropped = matches!(outcome, Outcome::Silence | Outcome::Half(_));
    shared.change(|state| {
        state.journal.amend(id, |request| {
            request.status = status;
            request.dropped = dropped;
        });
    });
    (id, outcome)
}

fn is_soap(call: &Call) -> bool {
    !call.astray && soap::is_for_soap(&call.path)
}

/// The style's face for the call.
fn answer(shared: &Shared, call: &Call) -> Reply {
    if is_soap(call) {
        soap::answer(shared, call)
    } else {
        rest::answer(shared, call)
    }
}

fn kept_body(call: &Call) -> String {
    let body = String::from_utf8_lossy(&call.body);
    if is_soap(call) {
        soap::without_passwords(&body)
    } else {
        body.into_owned()
    }
}

type Ended = (Option<u16>, Outcome);

fn whole(reply: Reply) -> Ended {
    (Some(reply.status.as_u16()), Outcome::Answer(reply))
}

async fn inject(shared: &Arc<Shared>, call: &Call, fault: FaultKind) -> Ended {
    let work = || answer(shared, call);
    match fault {
        FaultKind::Status {
            status,
            body,
            headers,
            done,
        } => {
            do_if(done, work);
            let mut reply = told(status_of(status), body, is_soap(call));
            reply
                .headers
                .extend(header_map(&headers).unwrap_or_default());
            whole(reply)
        }
        FaultKind::Delay {
            milliseconds,
            work: side,
        } => {
            let pause = Duration::from_millis(milliseconds);
            match side {
                Work::Before => {
                    let reply = work();
                    tokio::time::sleep(pause).await;
                    whole(reply)
                }
                Work::After => {
                    tokio::time::sleep(pause).await;
                    whole(work())
                }
            }
        }
        FaultKind::DropRequest => (None, Outcome::Silence),
        FaultKind::DropAnswer => (Some(work().status.as_u16()), Outcome::Silence),
        FaultKind::Malformed { done } => {
            let body = if done { work().body } else { Bytes::new() };
            whole(malformed(&body, is_soap(call)))
        }
        FaultKind::Partial => {
            let reply = work();
            (Some(reply.status.as_u16()), Outcome::Half(reply))
        }
        FaultKind::Html { done } => {
            do_if(done, work);
            whole(Reply::text(
                StatusCode::BAD_GATEWAY,
                "text/html; charset=utf-8",
                GATEWAY_PAGE,
            ))
        }
        FaultKind::Huge { bytes } => (Some(200), Outcome::Filler(filler(call, bytes))),
        FaultKind::RateLimited {
            retry_after,
            as_date,
        } => whole(rate_limited(shared, retry_after, as_date)),
        FaultKind::ExpireToken => {
            shared.change(|state| state.access.expire_all());
            whole(Reply::problem(
                StatusCode::UNAUTHORIZED,
                "error",
                "the token has expired",
            ))
        }
    }
}

/// The work without its answer.
fn do_if(done: bool, work: impl FnOnce() -> Reply) {
    if done {
        drop(work());
    }
}

fn told(status: StatusCode, body: Value, xml: bool) -> Reply {
    match body {
        Value::Null => Reply::empty(status),
        // The style's type all the same, which the headers of the fault may replace.
        Value::String(text) if xml => Reply::text(status, XML, text),
        Value::String(text) => Reply::text(status, JSON, text),
        other => Reply::json(status, &other),
    }
}

/// Half of a JSON text is never a JSON text, unless it is a bare number; half of an XML document
/// is never one.
fn malformed(body: &Bytes, xml: bool) -> Reply {
    let (content_type, invented) = if xml {
        (XML, r"<soap:Envelope><soap:Bod")
    } else {
        (JSON, r#"{"OrderId": "VC-1"#)
    };
    let cut = match body.len() {
        0 | 1 => Bytes::from_static(invented.as_bytes()),
        length => body.slice(..length / 2),
    };
    Reply::text(StatusCode::OK, content_type, cut)
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
