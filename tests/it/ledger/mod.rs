//! The ledger on a real Postgres: leases, outcomes, discovery, operator actions, migrations.

mod dashboard;
mod discovery;
mod leases;
mod migrations;
mod notifications;
mod operator;
mod outcomes;
mod plans;
mod privacy;
mod retention;
mod schedule;
mod scheduled;
mod timeouts;

use std::time::Duration;

use chrono::{DateTime, Utc};
use veracore_sync::{
    domain::{OrderCode, OrderRef, OrderState, Quantity, ShopOrderId, Sku},
    ledger::{ClaimedOrder, Ledger, PartDigests, SendIntent, SendIntentLine, SentSummary},
};

const LEASE: Duration = Duration::from_secs(60);

fn order(id: u32) -> OrderRef {
    placed(id, None)
}

fn placed(id: u32, placed_at: Option<DateTime<Utc>>) -> OrderRef {
    OrderRef {
        id: ShopOrderId::parse(id.to_string()).unwrap(),
        code: code(id),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: None,
        placed_at,
    }
}

fn code(id: u32) -> OrderCode {
    OrderCode::parse(format!("ORDER-{id}")).unwrap()
}

fn intent() -> SendIntent {
    SendIntent {
        digest: "d".repeat(64),
        part_digests: PartDigests::default(),
        summary: SentSummary::default(),
        lines: vec![SendIntentLine {
            line_id: "1".into(),
            vendure_sku: "SKU-1".into(),
            veracore_sku: Sku::parse("SKU-1").unwrap(),
            quantity: Quantity::new(2).unwrap(),
        }],
    }
}

/// Inserts order 1 and claims it.
async fn claimed(ledger: &Ledger) -> ClaimedOrder {
    ledger
        .insert_discovered_orders(&[order(1)], Duration::ZERO)
        .await
        .unwrap();
    claim(ledger).await.unwrap()
}

async fn claim(ledger: &Ledger) -> Option<ClaimedOrder> {
    ledger.claim_due_orders(1, LEASE, None).await.unwrap().pop()
}
