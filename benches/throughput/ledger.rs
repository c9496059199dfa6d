//! The ledger's throughput: orders claimed, their intent and outcome recorded, by one and several
//! concurrent workers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use veracore_sync::{
    clock::SystemClock,
    domain::{ProviderOrderId, Quantity, Sku},
    ledger::{
        AttemptEnd, AttemptRecord, Ledger, OrderDisposition, SendIntent, SendIntentLine, SentItem,
        SentSummary,
    },
    sync::orders::newest::DiscoveryState,
};

use super::{place::Place, report::Report};

const LEASE: Duration = Duration::from_secs(300);

/// The number of orders that a replica claims at once.
const BATCH_SIZE: u32 = 4;

pub async fn measure(report: &mut Report) {
    for runners in [1, 3, 8] {
        let orders = report.scaled(4000, 100);
        let place = Place::with(100).await;
        place.shop.place(orders);
        let app = place.app(&[]).await;
        app.orders
            .sweep_orders(&mut DiscoveryState::default())
            .await
            .unwrap();
        let mut working = JoinSet::new();
        let start = Instant::now();
        for _ in 0..runners {
            let clock = Arc::new(SystemClock);
            let ledger = Ledger::connect_lazily(&place.database_url, 10, clock).unwrap();
            working.spawn(run(ledger));
        }
        let done: usize = working.join_all().await.into_iter().sum();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(done, orders, "each order once");
        report.figure(
            format!("{runners} workers with {BATCH_SIZE} orders each: orders claimed, intent and outcome recorded"),
            done as f64 / seconds,
            "/s",
        );
        place.leave(vec![app]).await;
    }
}

/// Processes orders until none is due; returns their number.
async fn run(ledger: Ledger) -> usize {
    let mut done = 0;
    loop {
        let claimed = ledger
            .claim_due_orders(BATCH_SIZE, LEASE, None)
            .await
            .unwrap();
        if claimed.is_empty() {
            ledger.close().await;
            return done;
        }
        let mut working = JoinSet::new();
        for order in claimed {
            let ledger = ledger.clone();
            working.spawn(async move {
                let intent = intent();
                let attempt = ledger
                    .record_send_intent(&order, &intent, LEASE)
                    .await
                    .unwrap();
                let trace = AttemptRecord::End(attempt, AttemptEnd::without_error("accepted"));
                let id = ProviderOrderId::parse(format!("VC-{}", order.id)).unwrap();
                let next = OrderDisposition::Acknowledged {
                    provider_order_id: Some(id),
                };
                ledger
                    .finish_order(&order, Some(&trace), &next)
                    .await
                    .unwrap();
            });
        }
        done += working.join_all().await.len();
    }
}

/// An order of three lines.
fn intent() -> SendIntent {
    let line = |at: usize| SendIntentLine {
        line_id: at.to_string(),
        vendure_sku: format!("SKU-{at}"),
        veracore_sku: Sku::parse(format!("SKU-{at}")).unwrap(),
        quantity: Quantity::new(2).unwrap(),
    };
    let item = |at: usize| SentItem {
        sku: format!("SKU-{at}"),
        quantity: 2,
        unit_price: "10.99".into(),
    };
    SendIntent {
        digest: "0".repeat(64),
        lines: (0..3).map(line).collect(),
        part_digests: BTreeMap::from([("shippingAddress".to_owned(), "0".repeat(64))]),
        summary: SentSummary {
            shipping_method: "ground".into(),
            currency: "USD".into(),
            ship_to: vec!["A. L.".into(), "Re…, 895…".into()],
            items: (0..3).map(item).collect(),
        },
    }
}
