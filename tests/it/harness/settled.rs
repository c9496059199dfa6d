//! What must hold at the end of every test: each order once at VeraCore, and nothing sent twice
//! without asking.

use std::collections::{BTreeMap, BTreeSet};

use veracore_sync::{
    domain::SyncStatus,
    ledger::{Ledger, OrderFilter, SyncRecord},
    sandbox::{LoggedRequest, Sandbox},
};

use super::style::{Ended, Style};

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

/// The sends of an order, in their sequence.
pub fn posts_of(sandbox: &Sandbox, code: &str) -> Vec<LoggedRequest> {
    let style = Style::spoken();
    sandbox
        .requests()
        .into_iter()
        .filter(|request| style.sent(request).as_deref() == Some(code))
        .collect()
}

/// Each order that the sandbox has came from one send, and the ledger knows it as sent; the
/// ledger's sent orders are there; nothing was sent again without a look-up in between, nor when
/// it was there already.
pub fn assert_each_once(sandbox: &Sandbox, records: &[SyncRecord]) {
    let style = Style::spoken();
    let requests = sandbox.requests();
    let story = |number: &str| story(&requests, number);
    let mut unasked = BTreeSet::<String>::new();
    let mut sends = BTreeMap::<String, Vec<&LoggedRequest>>::new();
    for request in &requests {
        if let Some(number) = style.looked_up(request) {
            unasked.remove(&number);
        }
        let Some(number) = style.sent(request) else {
            continue;
        };
        // A send that was refused for its token did nothing, and is repeated with a new one.
        if style.ended(request) == Ended::Unread {
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
        let with = |ended| sends.iter().filter(|s| style.ended(s) == ended).count();
        assert!(
            with(Ended::Taken) <= 1,
            "{number} was taken twice:\n{}",
            story(number)
        );
        assert_eq!(
            with(Ended::Duplicate),
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
    let style = Style::spoken();
    let lines: Vec<String> = requests
        .iter()
        .filter(|request| {
            let about = style.looked_up(request).or_else(|| style.sent(request));
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
