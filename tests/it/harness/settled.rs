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

/// Each order that the sandbox has was taken from one send, the ledger knows it as sent, and the
/// ledger's sent orders are there; no order was sent again without a look-up in between.
pub fn assert_each_once(sandbox: &Sandbox, records: &[SyncRecord]) {
    let requests = sandbox.requests();
    let mut taken = BTreeMap::<String, u32>::new();
    let mut unasked = BTreeSet::<String>::new();
    for request in &requests {
        if let Some(number) = asked(request) {
            unasked.remove(&number);
        }
        let Some(number) = number(request) else {
            continue;
        };
        if request.status == Some(201) {
            *taken.entry(number.clone()).or_default() += 1;
        }
        // A send that was refused for its token did nothing, and is repeated with a new one.
        let refused = request.status == Some(401) && !request.dropped;
        if !refused {
            assert!(
                unasked.insert(number.clone()),
                "{number} was sent again without a look-up:\n{}",
                story(&requests, &number)
            );
        }
    }
    let sent: BTreeSet<&str> = records
        .iter()
        .filter(|record| record.sync_status == SyncStatus::Success)
        .map(|record| record.vendure_order_code.as_str())
        .collect();
    for order in sandbox.orders() {
        let number = order.number.as_str();
        let times = taken.get(number).copied().unwrap_or(0);
        let story = || story(&requests, number);
        if order.foreign {
            assert_eq!(times, 0, "{number} is somebody else's:\n{}", story());
        } else {
            assert_eq!(times, 1, "{number} was taken {times} times:\n{}", story());
            let known = sent.contains(number);
            assert!(
                known,
                "{number} is there, the ledger does not know:\n{}",
                story()
            );
        }
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
