//! Events and notes: events are raised together with the change, delivered at least once and in
//! order, and noted once on the shop's orders.

mod commands;
mod delivery;
mod notes;
mod raised;
mod replicas;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use veracore_sync::{
    domain::{ErrorCategory, OrderCode, OrderRef, OrderState, ProviderOrderId, ShopOrderId},
    ledger::{
        ClaimedOrder, DeliveryOutcome, EventState, FailureReason, Ledger, OrderDisposition,
        RetryMode,
    },
    sync::outbox::{self, EventDeliverer},
};

use crate::harness::{EVENT_SECRET, LedgerWorld, Receiver, World};

const LEASE: Duration = Duration::from_secs(60);

/// The timeout of a delivery in these tests.
const WAIT_LIMIT: Duration = Duration::from_millis(400);

/// A ledger with a configured receiver.
async fn with_receiver(name: &str) -> LedgerWorld {
    let world = World::ledger_only(name).await;
    world.ledger.set_receiver_configured(true).await.unwrap();
    world
}

/// Raises an event that belongs to no order.
async fn raise(tables: &PgPool, at: DateTime<Utc>, event_type: &str, data: &Value) {
    sqlx::query(
        "insert into veracore_event (event_type, occurred_at, next_try, data)
         values ($1, $2, $2, $3)",
    )
    .bind(event_type)
    .bind(at)
    .bind(data)
    .execute(tables)
    .await
    .unwrap();
}

fn order(id: u32) -> OrderRef {
    OrderRef {
        id: ShopOrderId::parse(id.to_string()).unwrap(),
        code: code(id),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: None,
        placed_at: None,
    }
}

fn code(id: u32) -> OrderCode {
    OrderCode::parse(format!("ORDER-{id}")).unwrap()
}

fn failed() -> OrderDisposition {
    OrderDisposition::Failed {
        failure: FailureReason {
            category: ErrorCategory::Validation,
            message: "no such SKU".into(),
        },
    }
}

fn accepted(id: &str) -> OrderDisposition {
    OrderDisposition::Acknowledged {
        provider_order_id: Some(ProviderOrderId::parse(id).unwrap()),
    }
}

/// Inserts an order and claims it.
async fn claimed(ledger: &Ledger, id: u32) -> ClaimedOrder {
    ledger
        .insert_discovered_orders(&[order(id)], Duration::ZERO)
        .await
        .unwrap();
    claim(ledger, id).await
}

async fn claim(ledger: &Ledger, id: u32) -> ClaimedOrder {
    let due = ledger.claim_due_orders(1, LEASE, Some(&code(id))).await;
    due.unwrap().pop().unwrap()
}

/// Fails an order several times; each failure is an event.
async fn fails(ledger: &Ledger, id: u32, times: u32) {
    for _ in 0..times {
        let order = claimed(ledger, id).await;
        ledger.finish_order(&order, None, &failed()).await.unwrap();
        let verdict = ledger.retry_order(&code(id), RetryMode::Again).await;
        verdict.unwrap();
    }
}

fn delivering(world: &LedgerWorld, receiver: &Receiver) -> EventDeliverer {
    let ledger = world.another_ledger(Arc::clone(&world.clock) as _);
    let receiver = outbox::EventReceiver::new(
        receiver.url().parse().unwrap(),
        SecretString::from(EVENT_SECRET),
        WAIT_LIMIT,
        Arc::clone(&world.clock) as _,
    );
    EventDeliverer {
        receiver: Arc::new(receiver.unwrap()),
        ledger,
        clock: Arc::clone(&world.clock) as _,
    }
}

/// Delivers all due events; returns the outcome of each attempt.
async fn deliver(delivering: &EventDeliverer) -> Vec<DeliveryOutcome> {
    let mut done = Vec::new();
    loop {
        let claimed = delivering.lease_due(4).await.unwrap();
        if claimed.is_empty() {
            return done;
        }
        for event in claimed {
            done.push(delivering.deliver(&event).await.unwrap());
        }
    }
}

/// Delivers while advancing time, until nothing is pending.
async fn deliver_all(world: &LedgerWorld, delivering: &EventDeliverer) {
    for _ in 0..2000 {
        deliver(delivering).await;
        if count(world, EventState::Pending).await == 0 {
            return;
        }
        world.clock.advance(TimeDelta::minutes(5));
    }
    panic!("events do not come to rest");
}

async fn count(world: &LedgerWorld, state: EventState) -> usize {
    world.ledger.events(Some(state), 1000).await.unwrap().len()
}

/// The events of an order, in the sequence received.
fn of_order(events: &[Value], id: u32) -> Vec<&Value> {
    let code = json!(code(id));
    let of = events.iter().filter(|event| event["data"]["order"] == code);
    of.collect()
}
