//! The cost of a poll for new orders, with few and many orders in the shop and the ledger.

use tokio::time::Instant;
use veracore_sync::{app::App, sync::orders::newest::DiscoveryState};

use super::{
    place::Place,
    real,
    report::{Goal, Report},
};

/// Numbers of open orders.
const OPEN: [usize; 3] = [0, 1000, 20_000];

/// Repetitions of each, interleaved, because fractions of a millisecond vary.
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
    let mut times_taken = vec![(Vec::new(), Vec::new()); OPEN.len()];
    for _ in 0..ROUNDS {
        for ((_, app, watch), (poll_times, full_polls)) in shops.iter_mut().zip(&mut times_taken) {
            let times = report.scaled(100, 5);
            poll_times.push(poll(app, watch, times, |_| {}).await);
            full_polls.push(poll(app, watch, times, DiscoveryState::require_full_page).await);
        }
    }
    let mut costs = Vec::new();
    for (open, (poll_times, full_polls)) in OPEN.into_iter().zip(times_taken) {
        let poll_time = median(poll_times);
        add_figures(report, open, poll_time, median(full_polls), "the fake shop");
        costs.push(poll_time);
    }
    for (place, app, _) in shops {
        place.leave(vec![app]).await;
    }
    ratios(report, &costs, "the fake shop");
    real::discovery(report, &OPEN).await;
}

fn add_figures(report: &mut Report, open: usize, poll_time: f64, full_poll: f64, on: &str) {
    report.figure(
        format!("a poll with {open} open orders, on {on}"),
        poll_time * 1000.0,
        "ms",
    );
    report.figure(
        format!("the full poll of once a minute with {open} open orders, on {on}"),
        full_poll * 1000.0,
        "ms",
    );
}

/// Reports the ratios of the poll's cost with many and few open orders.
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

/// Seconds of a poll that finds nothing new. Also reports the full poll of once a minute.
pub async fn cost(report: &mut Report, app: &App, open: usize, times: usize, on: &str) -> f64 {
    let mut watch = DiscoveryState::default();
    app.orders.sweep_orders(&mut watch).await.unwrap();
    let poll_time = poll(app, &mut watch, times, |_| {}).await;
    let full_poll = poll(app, &mut watch, times, DiscoveryState::require_full_page).await;
    add_figures(report, open, poll_time, full_poll, on);
    poll_time
}

/// Seconds of a poll that finds nothing new, the median of many.
async fn poll(
    app: &App,
    watch: &mut DiscoveryState,
    times: usize,
    before: impl Fn(&mut DiscoveryState),
) -> f64 {
    let mut times_taken = Vec::new();
    for _ in 0..times {
        before(watch);
        let start = Instant::now();
        let looked = app.orders.poll_newest(watch).await.unwrap();
        times_taken.push(start.elapsed().as_secs_f64());
        assert!(
            !looked.needs_sweep && looked.discovered == 0,
            "nothing is new"
        );
    }
    median(times_taken)
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
