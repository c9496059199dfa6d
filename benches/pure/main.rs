//! Benchmarks of the pure parts: mapping, planning, parsing responses, and the calendar.
//!
//! `cargo bench --bench pure [-- NAME]` prints each median beside the one in
//! `benches/pure.baseline.json` and their ratio. `PURE_BASELINE=write cargo bench --bench pure`
//! rewrites that file. Figures of different machines are not comparable: use the file for orders of
//! magnitude, and two runs on one machine to find what changed. criterion compares with the last run
//! in `target/criterion`. `scripts/test` only compiles it.

mod baseline;
mod given;

use std::{hint::black_box, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use veracore_sync::{
    domain::{LocationId, OrderState},
    fulfillment::veracore::{oms, rest},
    ledger::{LatestOccurrence, OccurrenceState, RunId},
    sync::{
        inventory::plan::{self as stock_plan, ShopStock},
        jobs::{Job, calendar::Calendar, due},
        orders::mapping,
        tracking::plan as tracking_plan,
    },
    vendure,
};

/// Rows of the parsed lists.
const ROWS: usize = 10_000;

/// Items of a page of the shop.
const PAGE: usize = 1_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    map_order(&mut criterion);
    plan_stock(&mut criterion);
    plan_tracking(&mut criterion);
    read_rest(&mut criterion);
    read_oms(&mut criterion);
    read_vendure(&mut criterion);
    compute_calendar(&mut criterion);
    criterion.final_summary();
    baseline::compare_or_write();
}

fn map_order(criterion: &mut Criterion) {
    let (order, rules) = (given::order(), given::mapping_rules());
    let states = [OrderState::parse("PaymentSettled").expect("a state")];
    criterion.bench_function("map_order/3_lines", |bencher| {
        bencher.iter(|| mapping::map_order(black_box(&order), &states, &rules));
    });
}

fn plan_stock(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan_stock");
    for skus in [1_000, 20_000, 100_000] {
        let feed = given::feed(skus);
        let known = given::acknowledged();
        let rules = stock_plan::StockRules::default();
        for percent in [0, 1, 100] {
            let variants = given::variants(skus, percent);
            let shop = ShopStock {
                variants: &variants,
                acknowledged: &known,
                baseline: None,
            };
            group.throughput(Throughput::Elements(skus as u64));
            let id = BenchmarkId::new(format!("{percent}_percent"), skus);
            group.bench_function(id, |bencher| {
                bencher.iter(|| stock_plan::plan_levels(&feed, black_box(shop), &rules));
            });
        }
    }
    group.finish();
}

fn plan_tracking(criterion: &mut Criterion) {
    let (shop, sent, packages) = given::shipped_order();
    let completion = tracking_plan::OrderCompletion::Complete;
    criterion.bench_function("plan_tracking/3_packages", |bencher| {
        bencher.iter(|| {
            tracking_plan::plan_fulfillments(black_box(&shop), &sent, &packages, &completion)
        });
    });
}

fn read_rest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_rest");
    let (stock, shipments) = (given::rest_stock(ROWS), given::rest_shipments(ROWS));
    group.throughput(Throughput::Bytes(stock.len() as u64));
    group.bench_function(BenchmarkId::new("stock", ROWS), |bencher| {
        bencher.iter(|| {
            let mut good = 0;
            let read = rest::bench_support::read_stock_page(&stock, &mut |row| {
                good += usize::from(row.is_ok());
            });
            assert_eq!((read, good), (Ok(()), ROWS));
        });
    });
    group.throughput(Throughput::Bytes(shipments.len() as u64));
    group.bench_function(BenchmarkId::new("shipments", ROWS), |bencher| {
        bencher.iter(|| {
            let mut good = 0;
            let mut take = |row: Result<_, _>| good += usize::from(row.is_ok());
            let read = rest::bench_support::read_shipments_page(&shipments, &mut take);
            assert_eq!((read, good), (Ok(()), ROWS));
        });
    });
    group.finish();
}

fn read_oms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_oms");
    let (offers, charges) = (given::offers(ROWS), given::charges(ROWS));
    group.throughput(Throughput::Bytes(offers.len() as u64));
    group.bench_function(BenchmarkId::new("stock", ROWS), |bencher| {
        bencher.iter(|| {
            let mut good = 0;
            let read = oms::bench_support::read_offers_page(&offers, &mut |row| {
                good += usize::from(row.is_ok());
            });
            assert_eq!((read, good), (Ok(()), ROWS));
        });
    });
    group.throughput(Throughput::Bytes(charges.len() as u64));
    group.bench_function(BenchmarkId::new("shipments", ROWS), |bencher| {
        bencher.iter(|| assert_eq!(oms::bench_support::count_valid_charges(&charges), Ok(ROWS)));
    });
    group.finish();
}

fn read_vendure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_vendure");
    let take = u32::try_from(PAGE).expect("a page");
    let location = LocationId::parse("1").expect("a location");
    let (variants, orders) = (given::variant_page(PAGE), given::order_page(PAGE));
    group.throughput(Throughput::Bytes(variants.len() as u64));
    group.bench_function(BenchmarkId::new("variants", PAGE), |bencher| {
        let read = |body| {
            let page =
                vendure::bench_support::parse_variant_page(body, take, &location).expect("a page");
            assert_eq!(page.variants.len(), PAGE);
        };
        bencher.iter_batched(|| variants.clone(), read, BatchSize::LargeInput);
    });
    group.throughput(Throughput::Bytes(orders.len() as u64));
    group.bench_function(BenchmarkId::new("orders", PAGE), |bencher| {
        let read = |body| {
            let page = vendure::bench_support::parse_order_page(body, take).expect("a page");
            assert_eq!(page.orders.len(), PAGE);
        };
        bencher.iter_batched(|| orders.clone(), read, BatchSize::LargeInput);
    });
    group.finish();
}

fn compute_calendar(criterion: &mut Criterion) {
    let calendar = Calendar::new(given::times());
    // The week in which daylight saving time ends.
    let from: DateTime<Utc> = given::moment("2026-10-29T12:00:00Z");
    criterion.bench_function("schedule/tracking_of_a_week", |bencher| {
        let end = from + TimeDelta::days(7);
        bencher.iter(|| {
            let occurrences = calendar.occurrences_from(Job::Tracking, black_box(from));
            occurrences.take_while(|at| *at < end).count()
        });
    });
    let known = OccurrenceState {
        first_started_at: Some(from),
        latest: Some(LatestOccurrence {
            run: RunId::new(1, 1),
            scheduled_for: from,
            has_ended: true,
        }),
    };
    criterion.bench_function("schedule/due", |bencher| {
        let now = from + TimeDelta::hours(5);
        bencher.iter(|| due::due_action(&calendar, Job::Tracking, black_box(now), &known));
    });
}
