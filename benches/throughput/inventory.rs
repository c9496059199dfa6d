//! A full inventory sync: reading, planning and writing, with the fake shop and a real one.

use std::collections::BTreeMap;

use tokio::time::Instant;
use veracore_sync::{
    clock::{Clock as _, SystemClock},
    domain::{Sku, Units, VariantId},
    fulfillment::StockItem,
    ledger::{RunOrigin, RunReport, RunStart},
    sync::{
        inventory::{
            self, AcknowledgedUnits, InventoryRequest, InventorySummary,
            feed::Feed,
            plan::{ShopStock, StockRules, plan_levels},
        },
        jobs::run_once::ignore_progress,
    },
    vendure::{StockLevel, Variant},
};

use super::{
    discovery::median,
    place::{ON_HAND, Place},
    real,
    report::{Goal, Report},
    shop,
};

pub async fn measure(report: &mut Report) {
    let skus = report.scaled(20_000, 500);
    for (changed, every) in [("0 %", None), ("1 %", Some(100)), ("100 %", Some(1))] {
        full_sync(report, skus, changed, every).await;
    }
    against_reading(report, skus).await;
    against_reading(report, report.scaled(100_000, 1000)).await;
    real::inventory(report).await;
}

async fn full_sync(report: &mut Report, skus: usize, changed: &str, every: Option<usize>) {
    let place = Place::with(skus).await;
    if let Some(nth) = every {
        place.shop.disturb(nth);
    }
    let expected = every.map_or(0, |nth| skus.div_ceil(nth));
    let app = place.app(&[]).await;
    let of = format!("{skus} SKUs, {changed} changed");
    let planning = planning(skus, every);
    report.figure(format!("{of}: planning alone"), planning * 1000.0, "ms");
    let start = Instant::now();
    let summary = sync(&app).await;
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(summary.counts.written, expected as u64);
    let sellable = u64::try_from(place.shop.sellable()).unwrap();
    assert_eq!(sellable, skus as u64 * u64::from(ON_HAND));
    report.figure(format!("{of}: full sync with the fake shop"), seconds, "s");
    let calls: BTreeMap<_, _> = place.shop.take_calls();
    report.figure(
        format!("{of}: calls to the shop"),
        calls.values().sum::<u64>() as f64,
        "",
    );
    place.leave(vec![app]).await;
}

/// A full inventory sync, as in the daemon.
pub async fn sync(app: &veracore_sync::app::App) -> InventorySummary {
    let start = RunStart::Now {
        origin: RunOrigin::Operator,
        details: &serde_json::json!({}),
    };
    let run = app.ledger.start_run(None, inventory::JOB, start).await;
    let run = run.unwrap().unwrap();
    let request = InventoryRequest::default();
    let summary = app
        .inventory
        .run(run, &request, &ignore_progress())
        .await
        .unwrap();
    assert!(summary.quarantined.is_none(), "{summary:?}");
    let done = RunReport::done(serde_json::json!({}));
    app.ledger.finish_run(run, &done).await.unwrap();
    summary
}

/// Seconds of planning, with the feed and the levels in memory.
fn planning(skus: usize, every: Option<usize>) -> f64 {
    let mut feed = Feed::new(SystemClock.now());
    let units = Units::new(ON_HAND).unwrap();
    for at in 0..skus {
        feed.add_row(Ok(StockItem {
            sku: Sku::parse(shop::sku(at)).unwrap(),
            available: units,
            reserved: Some(Units::new(0).unwrap()),
            on_hand: Some(units),
        }));
    }
    let variants: Vec<Variant> = (0..skus)
        .map(|at| Variant {
            id: VariantId::parse((at + 1).to_string()).unwrap(),
            sku: shop::sku(at),
            is_tracked: true,
            level: StockLevel {
                on_hand: i64::from(ON_HAND) + i64::from(every.is_some_and(|nth| at % nth == 0)),
                allocated: 0,
            },
            allocated_elsewhere: 0,
        })
        .collect();
    let known = AcknowledgedUnits::default();
    let rules = StockRules::default();
    let once = || {
        let shop = ShopStock {
            variants: &variants,
            acknowledged: &known,
            baseline: None,
        };
        let start = Instant::now();
        let plan = plan_levels(&feed, shop, &rules);
        let took = start.elapsed().as_secs_f64();
        assert_eq!(
            plan.changes.len(),
            every.map_or(0, |nth| skus.div_ceil(nth))
        );
        took
    };
    median((0..9).map(|_| once()).collect())
}

/// The ratio of planning to reading, with the fastest possible upstreams.
async fn against_reading(report: &mut Report, skus: usize) {
    let place = Place::with(skus).await;
    let app = place.app(&[]).await;
    let mut took = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let (summary, changes) = app
            .inventory
            .preview(&InventoryRequest::default())
            .await
            .unwrap();
        took.push(start.elapsed().as_secs_f64());
        assert!(changes.is_empty() && summary.rows == skus as u64);
    }
    let planning = planning(skus, None);
    let reading = median(took) - planning;
    report.figure(
        format!("{skus} SKUs: reading both, from the fastest upstreams"),
        reading,
        "s",
    );
    report.goal(
        format!("{skus} SKUs: planning to reading"),
        planning / reading,
        "",
        Goal::AtMost(0.1),
    );
    place.leave(vec![app]).await;
}
