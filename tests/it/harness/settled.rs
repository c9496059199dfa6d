//! What must hold at the end of every test: each order once at VeraCore, and nothing sent twice
//! without asking.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use veracore_sync::{
    domain::SyncStatus,
    ledger::{Ledger, OrderFilter, SyncRecord},
    sandbox::{LoggedRequest, Sandbox},
};

pub async fn all_records(ledger: &Ledger) -> Vec<SyncRecord> {
    let filter = OrderFilter {
        limit: 100_000,
        ..OrderFilter::default()
    };
    // A world whose tables were never made has no orders.
    match ledger.orders(&filter).await {
        Err(error) if error.is_missing_table() => Vec::new(),
        other => other.unwrap(),
    }
}

/// The order number that a `POST /api/orders` carries.
fn number(request: &LoggedRequest) -> Option<String> {
    (request.method == "POST" && request.path == "/api/orders").then(|| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        body["OrderNumber"].as_str().unwrap().to_owned()
    })
}

/// The order number that a look-up asks for.
fn asked(request: &LoggedRequest) -> Option<String> {
    let number = request
        .path
        .strip_prefix("/api/orders/")?
        .strip_suffix("/status")?;
    Some(number.to_owned())
}

/// The sends of an order, in their sequence.
pub fn posts_of(sandbox: &Sandbox, code: &str) -> Vec<LoggedRequest> {
    sandbox
        .requests()
        .into_iter()
        .filter(|request| number(request).as_deref() == Some(code))
        .collect()
}

/// Each order that the sandbox has came from one send, and the ledger knows it as sent; the
/// ledger's sent orders are there; nothing was sent again without a look-up in between, nor when
/// it was there already.
pub fn assert_each_once(sandbox: &Sandbox, records: &[SyncRecord]) {
    let requests = sandbox.requests();
    let story = |number: &str| story(&requests, number);
    let mut unasked = BTreeSet::<String>::new();
    let mut sends = BTreeMap::<String, Vec<&LoggedRequest>>::new();
    for request in &requests {
        if let Some(number) = asked(request) {
            unasked.remove(&number);
        }
        let Some(number) = number(request) else {
            continue;
        };
        // A send that was refused for its token did nothing, and is repeated with a new one.
        if request.status == Some(401) && !request.dropped {
            continue;
        }
        sends.entry(number.clone()).or_default().push(request);
        let first = unasked.insert(number.clone());
        assert!(
            first,
            "{number} was sent again without a look-up:\n{}",
            story(&number)
        );
    }
    for (number, sends) in &sends {
        let with = |status| {
            sends
                .iter()
                .filter(|send| send.status == Some(status))
                .count()
        };
        assert!(
            with(201) <= 1,
            "{number} was taken twice:\n{}",
            story(number)
        );
        assert_eq!(
            with(409),
            0,
            "{number} was sent though it was there:\n{}",
            story(number)
        );
    }
    let sent: BTreeSet<&str> = records
        .iter()
        .filter(|record| record.sync_status == SyncStatus::Success)
        .map(|record| record.vendure_order_code.as_str())
        .collect();
    for order in sandbox.orders() {
        let number = order.number.as_str();
        let ours = sends.contains_key(number);
        assert_ne!(
            ours,
            order.foreign,
            "{number} is not whose it should be:\n{}",
            story(number)
        );
        let known = order.foreign || order.status() == "Cancelled" || sent.contains(number);
        assert!(
            known,
            "{number} is there, the ledger does not know:\n{}",
            story(number)
        );
    }
    for code in sent {
        assert!(sandbox.order(code).is_some(), "{code} is not there");
    }
}

/// All calls about an order.
fn story(requests: &[LoggedRequest], code: &str) -> String {
    let lines: Vec<String> = requests
        .iter()
        .filter(|request| {
            asked(request).as_deref() == Some(code) || number(request).as_deref() == Some(code)
        })
        .map(|request| {
            format!(
                "{} {} {}: {:?} dropped={} fault={:?}",
                request.at,
                request.method,
                request.path,
                request.status,
                request.dropped,
                request.fault
            )
        })
        .collect();
    lines.join("\n")
}
