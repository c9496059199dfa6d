//! What one look for new orders costs, with nothing and with much in the shop and the ledger.

use tokio::time::Instant;
use veracore_sync::{app::App, sync::orders::discover::Watch};

use super::{
    place::Place,
    real,
    report::{Goal, Report},
};

/// How many orders are open.
const OPEN: [usize; 3] = [0, 1000, 20_000];

pub async fn measure(report: &mut Report) {
    let mut costs = Vec::new();
    for open in OPEN {
        let place = Place::with(100).await;
        place.shop.place(open);
        let app = place.app(&[]).await;
        let took = poll(&app, report.scaled(500, 20)).await;
        report.figure(
            format!("a look with {open} open orders, on the fake shop"),
            took * 1000.0,
            "ms",
        );
        costs.push(took);
        place.leave(vec![app]).await;
    }
    ratios(report, &costs, "on the fake shop");
    real::discovery(report, &OPEN).await;
}

pub fn ratios(report: &mut Report, costs: &[f64], on: &str) {
    report.figure(
        format!("20000 open orders to 1000, {on}"),
        costs[2] / costs[1],
        "",
    );
    report.goal(
        format!("20000 open orders to none, {on}"),
        costs[2] / costs[0],
        "",
        Goal::AtMost(1.2),
    );
}

/// Seconds that a look takes, the median of many, once everything is known.
pub async fn poll(app: &App, times: usize) -> f64 {
    let mut watch = Watch::default();
    app.orders.sweep(&mut watch).await.unwrap();
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let looked = app.orders.look_at_newest(&mut watch).await.unwrap();
        took.push(begun.elapsed().as_secs_f64());
        assert!(!looked.sweep && looked.taken_in == 0, "nothing is new");
    }
    median(took)
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
