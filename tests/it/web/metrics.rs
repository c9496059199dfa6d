//! `/metrics` of a real daemon: at the start, after an order, with a failing warehouse, and without
//! the database.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use veracore_sync::{
    domain::{ErrorCategory, SyncStatus},
    sandbox::{Fault, FaultKind},
    sync::{inventory, jobs::Job, reconcile, tracking},
    telemetry::metrics::{
        JOBS, OrderOutcome,
        catalogue::{self, MetricKind, MetricSource},
    },
};

use super::served;
use crate::harness::{Credential, Operation, Scrape, Style, World, until};

/// Polls `/metrics`: values from the ledger are cached for up to three seconds.
async fn scrape_until(address: SocketAddr, series: &str, value: f64) -> Scrape {
    until(&format!("{series} is {value}"), || async {
        let page = Scrape::fetch(address).await;
        let now = page.samples.get(series).copied();
        (now == Some(value)).then_some(page)
    })
    .await
}

/// Asserts that labels have only values of fixed lists.
fn assert_bounded(page: &Scrape) {
    for (label, values) in page.labels() {
        for value in values {
            let value = value.as_str();
            let known = match label.as_str() {
                "outcome" => {
                    ["ok", "done", "failed", "held"].contains(&value)
                        || ErrorCategory::parse(value).is_some()
                        || OrderOutcome::ALL.iter().any(|o| o.as_str() == value)
                }
                "status" => {
                    SyncStatus::parse(value).is_some() || ["waiting", "problem"].contains(&value)
                }
                "job" => JOBS.contains(&value),
                "upstream" => ["vendure", "veracore", "events"].contains(&value),
                "operation" => {
                    value.len() <= 30 && value.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                }
                "reason" => value.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                _ => false,
            };
            assert!(known, "{label}=\"{value}\"");
        }
    }
}

/// Asserts that the metrics are those listed, except for `but`, which are absent for now.
fn assert_as_listed(page: &Scrape, but: &[&str]) {
    let listed = catalogue::ALL.iter().filter(|m| !but.contains(&m.name));
    let listed: Vec<&str> = listed.map(|metric| metric.name).collect();
    for metric in catalogue::ALL.iter().filter(|m| listed.contains(&m.name)) {
        let family = page.families.get(metric.name);
        let family = family.unwrap_or_else(|| panic!("no {}", metric.name));
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        assert_eq!(family.kind, kind, "{}", metric.name);
        assert_eq!(family.help, metric.help, "{}", metric.name);
    }
    let strangers = page.families.keys().find(|n| !listed.contains(&n.as_str()));
    assert_eq!(strangers, None);
}

/// Asserts that counters exist with zero before anything happens.
fn assert_initialized(page: &Scrape) {
    for status in SyncStatus::ALL {
        let orders = page.value(&format!("veracore_sync_orders{{status=\"{status}\"}}"));
        assert!(orders == 0.0, "{status}: {orders}");
    }
    for outcome in OrderOutcome::ALL.iter().map(|o| o.as_str()) {
        let series = format!("veracore_sync_orders_total{{outcome=\"{outcome}\"}}");
        assert!(page.value(&series) == 0.0, "{series}");
    }
    for job in JOBS {
        page.value(&format!(
            "veracore_sync_last_success_timestamp_seconds{{job=\"{job}\"}}"
        ));
        page.value(&format!(
            "veracore_sync_run_seconds_count{{job=\"{job}\",outcome=\"failed\"}}"
        ));
    }
    for name in ["order_age_seconds_count", "stock_changes_total"] {
        assert!(page.value(&format!("veracore_sync_{name}")) == 0.0);
    }
    for upstream in ["vendure", "veracore"] {
        let series = format!("veracore_sync_circuit_state{{upstream=\"{upstream}\"}}");
        assert!(page.value(&series) == 0.0);
    }
    assert!(page.value("veracore_sync_ready") == 1.0);
    assert!(page.value("veracore_sync_moving") == 1.0);
}

#[test]
fn the_job_labels_are_the_job_names() {
    for job in [inventory::JOB, tracking::JOB, reconcile::JOB] {
        assert!(JOBS.contains(&job), "{job}");
    }
    assert!(Job::SYNC.iter().all(|job| JOBS.contains(&job.as_str())));
}

#[tokio::test]
async fn an_order_and_an_inventory_run_change_exactly_their_metrics() {
    let world = World::named("metrics").real_time().build().await;
    let (mut daemon, api) = served(&world).await;
    let address = daemon.address().await;
    let swept = "veracore_sync_run_seconds_count{job=\"sweep_orders\",outcome=\"done\"}";
    scrape_until(address, swept, 1.0).await;
    // Values from the ledger can be some seconds old.
    let known = "veracore_sync_last_success_timestamp_seconds{job=\"sweep_orders\"}";
    until("the ledger's word on the sweep is served", || async {
        let page = Scrape::fetch(address).await;
        page.samples
            .get(known)
            .is_some_and(|at| *at > 0.0)
            .then_some(())
    })
    .await;
    let stranger = api.with_credential(Credential::None);
    let request = stranger.request(reqwest::Method::GET, "/metrics");
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let before = Scrape::parse(&answer.text().await.unwrap());
    assert_as_listed(&before, &["veracore_sync_unmatched_skus"]);
    assert_initialized(&before);
    assert_bounded(&before);

    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;
    let success = "veracore_sync_orders{status=\"success\"}";
    let after = scrape_until(address, success, 1.0).await;
    let mut steps = after.changes_since(&before);
    // The daemon polls for orders meanwhile.
    steps.retain(|series, _| {
        !series.contains("upstream=\"vendure\"") && !series.contains("job=\"tidy_ledger\"")
    });
    let asked = match Style::current() {
        Style::Rest => "not_found",
        Style::Oms => "ok",
    };
    let asked = format!(
        "veracore_sync_upstream_requests_total{{upstream=\"veracore\",operation=\"find_order\",outcome=\"{asked}\"}}"
    );
    let once = [
        success,
        asked.as_str(),
        "veracore_sync_upstream_request_seconds_count{upstream=\"veracore\",operation=\"find_order\"}",
        "veracore_sync_orders_total{outcome=\"acknowledged\"}",
        "veracore_sync_order_age_seconds_count",
        "veracore_sync_upstream_requests_total{upstream=\"veracore\",operation=\"submit_order\",outcome=\"ok\"}",
        "veracore_sync_upstream_request_seconds_count{upstream=\"veracore\",operation=\"submit_order\"}",
    ];
    assert_eq!(steps, once.map(|series| (series.to_owned(), 1.0)).into());
    let age = after.value("veracore_sync_order_age_seconds_sum");
    assert!(age > 0.0 && age < 60.0, "{age}");

    world.sandbox.set_stock("A-0", 100);
    world.sandbox.set_stock("NO-SUCH-SKU", 5);
    let force = "mutation { forceVeraCoreInventorySync { success } }";
    api.run(force).await.data("forceVeraCoreInventorySync");
    let done = "veracore_sync_run_seconds_count{job=\"sync_inventory\",outcome=\"done\"}";
    assert!(Scrape::fetch(address).await.value(done) == 1.0);
    let page = scrape_until(address, "veracore_sync_unmatched_skus", 1.0).await;
    let written = page.value("veracore_sync_stock_changes_total");
    assert!(written == 1.0, "{written}");
    let succeeded =
        page.value("veracore_sync_last_success_timestamp_seconds{job=\"sync_inventory\"}");
    #[expect(clippy::cast_precision_loss, reason = "seconds are far from that")]
    let now = world.clock.now().timestamp() as f64;
    assert!((now - succeeded).abs() < 60.0, "{succeeded}");
    assert_as_listed(&page, &[]);
    assert_bounded(&page);

    // The number of series does not grow.
    let memory = daemon.memory().unwrap();
    for _ in 0..150 {
        Scrape::fetch(address).await;
    }
    let more = daemon.memory().unwrap().saturating_sub(memory);
    assert!(more < 16 * 1024, "{more} kB more");
    let same = Scrape::fetch(address).await.samples;
    assert!(same.keys().eq(page.samples.keys()));
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn refusals_and_failures_of_the_warehouse_are_counted_by_kind() {
    let mut world = World::named("metrics_faults").real_time().build().await;
    world.expect_error("VeraCore refused the order");
    world.expect_error("VeraCore is unavailable");
    let (mut daemon, _) = served(&world).await;
    let address = daemon.address().await;
    let style = Style::current();
    let sent = |outcome: &str| {
        format!(
            "veracore_sync_upstream_requests_total{{upstream=\"veracore\",operation=\"submit_order\",outcome=\"{outcome}\"}}"
        )
    };
    let refusal = style.refusal("No such customer");
    world
        .sandbox
        .add_fault(style.fault(Operation::Send, refusal).times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let page = scrape_until(address, "veracore_sync_orders{status=\"error\"}", 1.0).await;
    // A refusal is not a failure of VeraCore, even with status 500.
    assert!(page.value(&sent("validation")) == 1.0);
    assert!(page.value(&sent("upstream")) == 0.0);
    assert!(page.value("veracore_sync_orders_total{outcome=\"failed\"}") == 1.0);
    assert!(page.value("veracore_sync_order_age_seconds_count") == 0.0);

    world.retry(&order.code).await;
    world.wait_until_sent(&order.code).await;
    let page = Scrape::fetch(address).await;
    assert!(page.value(&sent("ok")) == 1.0);
    assert!(page.value("veracore_sync_orders_total{outcome=\"acknowledged\"}") == 1.0);

    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    world.pay_orders(2).await;
    let circuit = "veracore_sync_circuit_state{upstream=\"veracore\"}";
    let page = until("the circuit opens", || async {
        let page = Scrape::fetch(address).await;
        (page.value(circuit) >= 1.0).then_some(page)
    })
    .await;
    let broken: f64 = page
        .samples
        .iter()
        .filter(|(series, _)| {
            series.contains("upstream=\"veracore\"") && series.contains("network")
        })
        .map(|(_, value)| value)
        .sum();
    assert!(broken >= 1.0, "{broken}");
    assert!(page.value("veracore_sync_circuit_state{upstream=\"vendure\"}") == 0.0);
    assert!(page.value("veracore_sync_ready") == 1.0);
    assert_bounded(&page);

    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn without_a_database_counters_are_exported_and_ledger_values_absent() {
    let mut world = World::named("metrics_dark")
        .real_time()
        .unmigrated()
        .build()
        .await;
    world.expect_error("database");
    let proxy = world.database_proxy();
    proxy.close();
    let daemon = world.daemon().with("DATABASE_URL", proxy.url());
    let mut daemon = daemon.spawn();
    let address = daemon.address().await;
    let ledgers: Vec<&str> = catalogue::ALL
        .iter()
        .filter(|metric| metric.source == MetricSource::Ledger)
        .map(|metric| metric.name)
        .collect();
    // Before the services start and any call is made.
    let page = Scrape::fetch(address).await;
    let uncalled = [catalogue::REQUESTS_TOTAL, catalogue::REQUEST_DURATION];
    assert_as_listed(&page, &[ledgers.as_slice(), &uncalled].concat());
    assert!(page.value("veracore_sync_ready") == 0.0);
    assert!(page.value("veracore_sync_moving") == 0.0);

    proxy.open();
    daemon.wait_for("VeraCore sync started").await;
    let page = scrape_until(address, "veracore_sync_ready", 1.0).await;
    assert_as_listed(&page, &["veracore_sync_unmatched_skus"]);
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;

    proxy.close();
    let page = scrape_until(address, "veracore_sync_ready", 0.0).await;
    assert_as_listed(&page, &ledgers);
    assert!(page.value("veracore_sync_orders_total{outcome=\"acknowledged\"}") == 1.0);
    // Concurrent scrapes take no longer than one.
    let start = Instant::now();
    let mut many = JoinSet::new();
    for _ in 0..20 {
        many.spawn(Scrape::fetch(address));
    }
    many.join_all().await;
    assert!(start.elapsed() < Duration::from_secs(6));

    proxy.open();
    let success = "veracore_sync_orders{status=\"success\"}";
    scrape_until(address, success, 1.0).await;
    // Scrapes are not logged.
    let log = json!(daemon.lines()).to_string();
    assert!(!log.contains("/metrics"), "{log}");
    daemon.stop().await;
    world.assert_settled().await;
}
