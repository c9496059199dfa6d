//! The throughput of one, two and four replicas with the same waiting orders.

use tokio::time::Instant;

use super::{place::Place, process::Daemon, report::Report};

/// The response time of VeraCore and of the shop.
const LATENCY_MS: u64 = 50;

pub async fn measure(report: &mut Report) {
    let mut alone = 0.0;
    for replicas in [1, 2, 4] {
        let orders = report.scaled(2000, 100);
        let place = Place::with(100).await;
        place.slow_down_veracore(LATENCY_MS);
        let mut daemons = Vec::new();
        for _ in 0..replicas {
            // Each replica has the full default concurrency.
            daemons.push(Daemon::start(&place, &[("ORDER_POLL_INTERVAL_SECONDS", "1")]).await);
        }
        let app = place.app(&[]).await;
        place.await_baseline().await;
        place.shop.place(orders);
        // Measured from the first send, because the time of discovery varies.
        place
            .sandbox
            .wait_until(|sandbox| !sandbox.orders().is_empty())
            .await;
        let start = Instant::now();
        place.await_acknowledged(&app, orders).await;
        let rate = orders as f64 / start.elapsed().as_secs_f64();
        assert_eq!(place.sandbox.orders().len(), orders, "each order once");
        report.figure(
            format!(
                "{replicas} replicas, {orders} waiting orders, concurrency 4 each: orders sent"
            ),
            rate,
            "/s",
        );
        if replicas == 1 {
            alone = rate;
        } else {
            report.figure(format!("{replicas} replicas to one"), rate / alone, "");
        }
        for daemon in daemons {
            daemon.stop().await;
        }
        place.leave(vec![app]).await;
    }
}
