//! Measures the query plans of the ledger's methods, in a database of any size.
//!
//! Depends on no other part of the harness, because the benchmarks include it, too.

mod calls;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::time::Instant;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    span,
};
use veracore_sync::{
    clock::{Clock as _, SystemClock},
    ledger::{Ledger, LedgerError},
};

/// Tables that do not grow with the number of orders.
const SMALL: [&str; 3] = ["veracore_config", "veracore_lease", "veracore_migration"];

/// Fills a migrated, empty database and analyzes it.
pub async fn fill(pool: &PgPool, orders: i32) {
    let sql = include_str!("fill.sql").replace(":orders", &orders.to_string());
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .unwrap();
    sqlx::raw_sql("vacuum analyze").execute(pool).await.unwrap();
}

/// The statements of one call of a ledger method.
#[derive(Debug, Clone)]
pub struct MeasuredCall {
    pub method: &'static str,
    /// Why the method may read whole tables; `None` if it must not, because it is called often.
    pub full_scan_reason: Option<&'static str>,
    /// Including the time for `explain`.
    pub elapsed: Duration,
    pub statements: usize,
    /// Rows read by sequential scans, by table.
    pub sequential: BTreeMap<String, u64>,
    /// Rows read in any way.
    pub read: u64,
}

/// The errors: methods that are called often and read a whole growing table.
#[must_use]
pub fn findings(calls: &[MeasuredCall]) -> Vec<String> {
    let frequent = calls.iter().filter(|call| call.full_scan_reason.is_none());
    frequent
        .flat_map(|call| {
            let tables = call.sequential.iter();
            tables
                .filter(|(table, _)| !SMALL.contains(&table.as_str()))
                .map(|(table, rows)| format!("{} reads {rows} rows of {table}", call.method))
        })
        .collect()
}

/// A line of text for each call.
#[must_use]
pub fn table(calls: &[MeasuredCall]) -> String {
    let mut lines = String::new();
    for call in calls {
        let sequential: Vec<String> = call
            .sequential
            .iter()
            .map(|(table, rows)| format!("{table} {rows}"))
            .collect();
        let _ = writeln!(
            lines,
            "{:<28} {:>9.2} ms {:>3} statements {:>9} rows  {} {}",
            call.method,
            call.elapsed.as_secs_f64() * 1000.0,
            call.statements,
            call.read,
            sequential.join(", "),
            call.full_scan_reason
                .map(|reason| format!("({reason})"))
                .unwrap_or_default(),
        );
    }
    lines
}

/// Calls once each method of the ledger that is called often or reads much.
///
/// Needs a superuser. All later sessions of the database explain every statement.
///
/// # Panics
/// If a call fails.
pub async fn measure_all(url: &str) -> Vec<MeasuredCall> {
    explain_everything(url).await;
    let plans = Plans::default();
    let ledger = Ledger::connect_lazily(url, 4, Arc::new(SystemClock)).unwrap();
    let measurement = Measurement {
        ledger: ledger.clone(),
        plans: plans.clone(),
        now: SystemClock.now(),
        calls: Vec::new(),
    };
    let calls = measurement.run().with_subscriber(plans).await;
    ledger.close().await;
    calls
}

async fn explain_everything(url: &str) {
    let pool = PgPool::connect(url).await.unwrap();
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&pool)
        .await
        .unwrap();
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_format = json",
        "auto_explain.log_level = notice",
    ] {
        let sql = format!("alter database \"{name}\" set {setting}");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
    }
    pool.close().await;
}

/// Collects the plans, which Postgres sends as notices and sqlx emits as tracing events.
#[derive(Clone, Default)]
struct Plans(Arc<Mutex<Vec<Value>>>);

impl Plans {
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Plans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        if let Some((_, plan)) = message.0.split_once("plan:") {
            let plan = serde_json::from_str(plan).expect("a plan is JSON");
            self.0.lock().unwrap().push(plan);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

/// Adds up the rows of a plan's nodes.
fn count_rows(node: &Value, call: &mut MeasuredCall) {
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    if let Some(table) = node["Relation Name"].as_str() {
        let rows = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        let rows = (rows * number("Actual Loops")).round();
        let rows = format!("{rows:.0}").parse::<u64>().unwrap_or(u64::MAX);
        if node["Node Type"] == "Seq Scan" {
            *call.sequential.entry(table.to_owned()).or_default() += rows;
        }
        if node["Node Type"] != "ModifyTable" {
            call.read += rows;
        }
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        count_rows(inner, call);
    }
}

struct Measurement {
    ledger: Ledger,
    plans: Plans,
    now: DateTime<Utc>,
    calls: Vec<MeasuredCall>,
}

impl Measurement {
    /// Measures a call that must not read whole tables.
    async fn call<T>(
        &mut self,
        method: &'static str,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> T {
        self.plans.take();
        let start = Instant::now();
        let result = call.await;
        let elapsed = start.elapsed();
        let plans = self.plans.take();
        let mut measured = MeasuredCall {
            method,
            full_scan_reason: None,
            elapsed,
            statements: plans.len(),
            sequential: BTreeMap::new(),
            read: 0,
        };
        for plan in &plans {
            count_rows(&plan["Plan"], &mut measured);
        }
        self.calls.push(measured);
        result.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Measures a call that may read whole tables, for this reason.
    async fn full_scan<T>(
        &mut self,
        method: &'static str,
        reason: &'static str,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> T {
        let value = self.call(method, call).await;
        if let Some(last) = self.calls.last_mut() {
            last.full_scan_reason = Some(reason);
        }
        value
    }

    async fn run(mut self) -> Vec<MeasuredCall> {
        self.send_orders().await;
        self.discover_orders().await;
        self.stock_and_tracking().await;
        self.post_send().await;
        self.inbox_and_outbox().await;
        self.jobs().await;
        self.metrics().await;
        self.pages().await;
        self.maintenance().await;
        self.calls
    }
}
