//! How fast waiting orders reach VeraCore, with a response time of 50 ms.

use tokio::time::Instant;
use veracore_sync::sync::orders::newest::DiscoveryState;

use super::{
    place::{self, Place},
    report::{Goal, Report},
};

/// VeraCore's response time.
const LATENCY_MS: u64 = 50;

pub async fn measure(report: &mut Report) {
    for concurrency in [4, 16] {
        send(report, concurrency).await;
    }
}

async fn send(report: &mut Report, concurrency: u32) {
    let orders = report.scaled(1000, 50);
    let place = Place::with(100).await;
    place.shop.place(orders);
    let at_once = concurrency.to_string();
    let app = place.app(&[("VERACORE_MAX_CONCURRENCY", &at_once)]).await;
    app.orders
        .sweep_orders(&mut DiscoveryState::default())
        .await
        .unwrap();
    // Get a token and open connections before the measurement.
    app.provider.find_order(&app.probe_order).await.unwrap();
    app.storefront.stock_locations().await.unwrap();
    place.slow_down_veracore(LATENCY_MS);
    place.sandbox.clear_requests();
    let start = Instant::now();
    let tasks = place::submit_orders(&app);
    place.await_acknowledged(&app, orders).await;
    let seconds = start.elapsed().as_secs_f64();
    place::stop(&tasks).await;
    assert_eq!(place.sandbox.orders().len(), orders, "each order once");
    let answers = place.sandbox.requests().len();
    let ideal = f64::from(concurrency) * 1000.0 / LATENCY_MS as f64;
    let of = format!("{orders} orders, concurrency {concurrency}");
    report.figure(format!("{of}: orders sent"), orders as f64 / seconds, "/s");
    report.figure(
        format!("{of}: calls to VeraCore per order (lookup and send)"),
        answers as f64 / orders as f64,
        "",
    );
    report.goal(
        format!("{of}: share of VeraCore's maximum of {ideal} responses a second"),
        answers as f64 / seconds / ideal,
        "",
        Goal::AtLeast(0.9),
    );
    place.leave(vec![app]).await;
}
