//! The plans of what the ledger asks Postgres, as they really were: of the ledger's own methods, in a
//! database that is as large as wished. Depends on no other part of the harness: the benchmark
//! includes it, too.

#[path = "plans_asked.rs"]
mod asked;

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

/// Tables that stay small, however many orders there are.
const SMALL: [&str; 3] = ["veracore_config", "veracore_lease", "veracore_migration"];

/// Fills a migrated, empty database. Analysed at the end.
pub async fn fill(pool: &PgPool, orders: i32) {
    let sql = include_str!("plans.sql").replace(":orders", &orders.to_string());
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .unwrap();
    sqlx::raw_sql("vacuum analyze").execute(pool).await.unwrap();
}

/// What one call of a method of the ledger asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: &'static str,
    /// Why it may read a whole table; `None`: it is asked often, and must not.
    pub rarely: Option<&'static str>,
    /// With the explaining.
    pub took: Duration,
    pub statements: usize,
    /// Rows that were read one after another, by table.
    pub sequential: BTreeMap<String, u64>,
    /// Rows that were read in any way.
    pub read: u64,
}

/// What must not be: a method that is asked often and reads a growing table from end to end.
#[must_use]
pub fn findings(asked: &[Asked]) -> Vec<String> {
    let often = asked.iter().filter(|asked| asked.rarely.is_none());
    often
        .flat_map(|asked| {
            let grown = asked.sequential.iter();
            grown
                .filter(|(table, _)| !SMALL.contains(&table.as_str()))
                .map(|(table, rows)| format!("{} reads {rows} rows of {table}", asked.method))
        })
        .collect()
}

/// A line a method.
#[must_use]
pub fn table(asked: &[Asked]) -> String {
    let mut lines = String::new();
    for asked in asked {
        let sequential: Vec<String> = asked
            .sequential
            .iter()
            .map(|(table, rows)| format!("{table} {rows}"))
            .collect();
        let _ = writeln!(
            lines,
            "{:<28} {:>9.2} ms {:>3} statements {:>9} rows  {} {}",
            asked.method,
            asked.took.as_secs_f64() * 1000.0,
            asked.statements,
            asked.read,
            sequential.join(", "),
            asked
                .rarely
                .map(|why| format!("({why})"))
                .unwrap_or_default(),
        );
    }
    lines
}

/// Calls each method of a ledger on that database once that is asked often, or that reads much.
/// Needs a superuser; the database's sessions explain everything from then on.
///
/// # Panics
/// When anything fails.
pub async fn ask_all(url: &str) -> Vec<Asked> {
    explain_everything(url).await;
    let plans = Plans::default();
    let ledger = Ledger::connect_lazily(url, 4, Arc::new(SystemClock)).unwrap();
    let asking = Asking {
        ledger: ledger.clone(),
        plans: plans.clone(),
        now: SystemClock.now(),
        asked: Vec::new(),
    };
    let asked = asking.ask().with_subscriber(plans).await;
    ledger.close().await;
    asked
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

/// Catches the plans, which Postgres sends as notices, and sqlx passes on as events.
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

/// Goes through a plan's nodes.
fn look_at(node: &Value, asked: &mut Asked) {
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    if let Some(table) = node["Relation Name"].as_str() {
        let rows = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        let rows = (rows * number("Actual Loops")).round();
        let rows = format!("{rows:.0}").parse::<u64>().unwrap_or(u64::MAX);
        if node["Node Type"] == "Seq Scan" {
            *asked.sequential.entry(table.to_owned()).or_default() += rows;
        }
        if node["Node Type"] != "ModifyTable" {
            asked.read += rows;
        }
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        look_at(inner, asked);
    }
}

struct Asking {
    ledger: Ledger,
    plans: Plans,
    now: DateTime<Utc>,
    asked: Vec<Asked>,
}

impl Asking {
    /// Notes what the call asked.
    async fn of<T>(
        &mut self,
        method: &'static str,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> T {
        self.plans.take();
        let begun = Instant::now();
        let done = call.await;
        let took = begun.elapsed();
        let plans = self.plans.take();
        let mut asked = Asked {
            method,
            rarely: None,
            took,
            statements: plans.len(),
            sequential: BTreeMap::new(),
            read: 0,
        };
        for plan in &plans {
            look_at(&plan["Plan"], &mut asked);
        }
        self.asked.push(asked);
        done.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same of what may read a whole table.
    async fn rarely<T>(
        &mut self,
        method: &'static str,
        why: &'static str,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> T {
        let done = self.of(method, call).await;
        if let Some(last) = self.asked.last_mut() {
            last.rarely = Some(why);
        }
        done
    }

    async fn ask(mut self) -> Vec<Asked> {
        self.sending().await;
        self.finding().await;
        self.stock_and_tracking().await;
        self.care().await;
        self.telling().await;
        self.jobs().await;
        self.watching().await;
        self.pages().await;
        self.tidying().await;
        self.asked
    }
}
