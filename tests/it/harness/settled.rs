//! Checks at the end of every test: VeraCore has each order once, and no order was sent again
//! without a lookup.

use std::collections::{BTreeMap, BTreeSet};

use veracore_sync::{
    domain::SyncStatus,
    ledger::{Ledger, OrderFilter, SyncRecord},
    sandbox::{LoggedRequest, Sandbox},
};

use super::style::{SendResult, Style};

pub async fn all_records(ledger: &Ledger) -> Vec<SyncRecord> {
    let filter = OrderFilter {
        limit: 100_000,
        ..OrderFilter::default()
    };
    // Without the ledger's tables, there are no orders.
    match ledger.orders(&filter).await {
        Err(error) if error.is_missing_table() => Vec::new(),
        other => other.unwrap(),
    }
}

/// The requests that sent an order, oldest first.
pub fn sends_of(sandbox: &Sandbox, code: &str) -> Vec<LoggedRequest> {
    let style = Style::current();
    sandbox
        .requests()
        .into_iter()
        .filter(|request| style.sent_order(request).as_deref() == Some(code))
        .collect()
}

/// Asserts that each order in the sandbox was sent exactly once and is recorded as sent, that
/// each order recorded as sent is in the sandbox, that every resend was preceded by a lookup, and
/// that nothing was sent that VeraCore already had.
pub fn assert_sent_once(sandbox: &Sandbox, records: &[SyncRecord]) {
    let style = Style::current();
    let requests = sandbox.requests();
    let calls = |number: &str| calls_about(&requests, number);
    let mut sent_since_look_up = BTreeSet::<String>::new();
    let mut sends = BTreeMap::<String, Vec<&LoggedRequest>>::new();
    for request in &requests {
        if let Some(number) = style.looked_up_order(request) {
            sent_since_look_up.remove(&number);
        }
        let Some(number) = style.sent_order(request) else {
            continue;
        };
        // A send refused for its token has no effect; it is repeated with a new token.
        if style.send_result(request) == SendResult::Unauthorized {
            continue;
        }
        sends.entry(number.clone()).or_default().push(request);
        let first = sent_since_look_up.insert(number.clone());
        assert!(
            first,
            "{number} was sent again without a lookup:\n{}",
            calls(&number)
        );
    }
    for (number, sends) in &sends {
        let count = |result| {
            sends
                .iter()
                .filter(|s| style.send_result(s) == result)
                .count()
        };
        assert!(
            count(SendResult::Accepted) <= 1,
            "{number} was accepted twice:\n{}",
            calls(number)
        );
        assert_eq!(
            count(SendResult::Duplicate),
            0,
            "{number} was sent although VeraCore had it:\n{}",
            calls(number)
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
            "{number} has the wrong origin:\n{}",
            calls(number)
        );
        let known = order.foreign || order.status() == "Cancelled" || sent.contains(number);
        assert!(
            known,
            "VeraCore has {number}, but it is not recorded as sent:\n{}",
            calls(number)
        );
    }
    for code in sent {
        assert!(
            sandbox.order(code).is_some(),
            "{code} is recorded as sent, but VeraCore does not have it"
        );
    }
}

/// The sends and lookups of an order, as text.
fn calls_about(requests: &[LoggedRequest], code: &str) -> String {
    let style = Style::current();
    let lines: Vec<String> = requests
        .iter()
        .filter(|request| {
            let about = style
                .looked_up_order(request)
                .or_else(|| style.sent_order(request));
            about.as_deref() == Some(code)
        })
        .map(|request| {
            format!(
                "{} {} {}: {:?} dropped={} fault={:?}",
                request.at,
                request.operation.as_ref().unwrap_or(&request.method),
                request.path,
                request.status,
                request.dropped,
                request.fault
            )
        })
        .collect();
    lines.join("\n")
}
