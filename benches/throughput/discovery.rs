//! What one look for new orders costs, with nothing and with much in the shop and the ledger.

use tokio::time::Instant;
use veracore_sync::{app::App, sync::orders::newest::DiscoveryState};

use super::{
    place::Place,
    real,
    report::{Goal, Report},
};

/// How many orders are open.
const OPEN: [usize; 3] = [0, 1000, 20_000];

/// So often each is measured, in turn: at fractions of a millisecond the machine's mood counts.
const ROUNDS: usize = 9;

pub async fn measure(report: &mut Report) {
    let mut shops = Vec::new();
    for open in OPEN {
        let place = Place::with(100).await;
        place.shop.place(open);
        let app = place.app(&[]).await;
        let mut watch = DiscoveryState::default();
        app.orders.sweep_orders(&mut watch).await.unwrap();
        shops.push((place, app, watch));
    }
    let mut took = vec![(Vec::new(), Vec::new()); OPEN.len()];
    for _ in 0..ROUNDS {
        for ((_, app, watch), (glances, looks)) in shops.iter_mut().zip(&mut took) {
            let times = report.scaled(100, 5);
            glances.push(poll(app, watch, times, |_| {}).await);
            looks.push(poll(app, watch, times, DiscoveryState::require_full_page).await);
        }
    }
    let mut costs = Vec::new();
    for (open, (glances, looks)) in OPEN.into_iter().zip(took) {
        let glance = median(glances);
        tell(report, open, glance, median(looks), "the fake shop");
        costs.push(glance);
    }
    for (place, app, _) in shops {
        place.leave(vec![app]).await;
    }
    ratios(report, &costs, "the fake shop");
    real::discovery(report, &OPEN).await;
}

fn tell(report: &mut Report, open: usize, glance: f64, look: f64, on: &str) {
    report.figure(
        format!("a poll with {open} open orders, on {on}"),
        glance * 1000.0,
        "ms",
    );
    report.figure(
        format!("the whole look of once a minute with {open} open orders, on {on}"),
        look * 1000.0,
        "ms",
    );
}

/// What many orders cost more than few, in the poll that is usual.
pub fn ratios(report: &mut Report, costs: &[f64], on: &str) {
    report.figure(
        format!("a poll with 20000 open orders to one with 1000, on {on}"),
        costs[2] / costs[1],
        "",
    );
    report.goal(
        format!("a poll with 20000 open orders to one with none, on {on}"),
        costs[2] / costs[0],
        "",
        Goal::AtMost(1.2),
    );
}

/// Seconds that the usual poll takes, a glance that shows nothing new. Also tells what the look takes
/// that stands in for it once a minute.
pub async fn cost(report: &mut Report, app: &App, open: usize, times: usize, on: &str) -> f64 {
    let mut watch = DiscoveryState::default();
    app.orders.sweep_orders(&mut watch).await.unwrap();
    let glance = poll(app, &mut watch, times, |_| {}).await;
    let look = poll(app, &mut watch, times, DiscoveryState::require_full_page).await;
    tell(report, open, glance, look, on);
    glance
}

/// Seconds that a look takes, the median of many, once everything is known.
async fn poll(
    app: &App,
    watch: &mut DiscoveryState,
    times: usize,
    before: impl Fn(&mut DiscoveryState),
) -> f64 {
    let mut took = Vec::new();
    for _ in 0..times {
        before(watch);
        let begun = Instant::now();
        let looked = app.orders.poll_newest(watch).await.unwrap();
        took.push(begun.elapsed().as_secs_f64());
        assert!(
            !looked.needs_sweep && looked.discovered == 0,
            "nothing is new"
        );
    }
    median(took)
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
