//! The calls of a tracking sync, by the number of open orders.

use tokio::time::Instant;
use veracore_sync::{
    app::App,
    sync::{jobs::run_once::ignore_progress, orders::newest::DiscoveryState},
};

use super::{
    place::{self, Place},
    report::{Goal, Report},
    shop,
};

const PACKAGES: usize = 50;

pub async fn measure(report: &mut Report) {
    let mut calls = Vec::new();
    for open in [PACKAGES, report.scaled(5000, 100)] {
        let place = Place::with(100).await;
        place.shop.place(open);
        let app = place.app(&[("VERACORE_MAX_CONCURRENCY", "8")]).await;
        send_all(&place, &app, open).await;
        // The first sync reads all shipments.
        app.tracking.run(None, &ignore_progress()).await.unwrap();
        for at in (0..open).step_by(open / PACKAGES).take(PACKAGES) {
            place.sandbox.ship(&shop::code(at), Vec::new()).unwrap();
        }
        place.shop.take_calls();
        place.sandbox.clear_requests();
        let start = Instant::now();
        let summary = app.tracking.run(None, &ignore_progress()).await.unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(summary.fulfilled, PACKAGES as u64, "{summary:?}");
        assert_eq!(place.shop.shipped(), PACKAGES);
        let of = format!("{open} open orders, {PACKAGES} new packages");
        let of_veracore = place.sandbox.requests().len();
        let of_shop: u64 = place.shop.take_calls().values().sum();
        report.figure(format!("{of}: calls to VeraCore"), of_veracore as f64, "");
        report.figure(format!("{of}: calls to the shop"), of_shop as f64, "");
        report.figure(format!("{of}: the sync"), seconds, "s");
        calls.push(of_veracore as f64 + of_shop as f64);
        place.shop.take_calls();
        place.sandbox.clear_requests();
        app.tracking.run(None, &ignore_progress()).await.unwrap();
        let idle =
            place.sandbox.requests().len() as u64 + place.shop.take_calls().values().sum::<u64>();
        report.figure(
            format!("{of}: calls of the next sync, without new packages"),
            idle as f64,
            "",
        );
        place.leave(vec![app]).await;
    }
    report.goal(
        "calls with many open orders to calls with none",
        calls[1] / calls[0],
        "",
        Goal::AtMost(1.0),
    );
}

/// Sends all orders to VeraCore.
pub async fn send_all(place: &Place, app: &App, orders: usize) {
    app.orders
        .sweep_orders(&mut DiscoveryState::default())
        .await
        .unwrap();
    let tasks = place::submit_orders(app);
    place.await_acknowledged(app, orders).await;
    place::stop(&tasks).await;
}
