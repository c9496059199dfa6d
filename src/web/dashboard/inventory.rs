//! Stock: what ran, what was written and by which arithmetic, what matches nothing, what is held.

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    DOING, UPDATE_ORDERS, UPDATE_STOCK,
    confirm::Question,
    page::{Frame, Page, Sorry},
    timely,
    visit::{Asked, Named, Visit},
    when::Reader,
};
use crate::{
    domain::Sku,
    ledger::{RecordedChange, Run},
    sync::inventory::{self, Explanation, Wish},
    web::actions,
};

const RUNS: u32 = 20;

/// So many held feeds are shown.
const HELD: u32 = 3;

const CHANGES: u32 = 100;

/// So many SKUs are listed on a page.
const SKUS: usize = 200;

struct RunRow {
    id: i64,
    started: String,
    why: &'static str,
    kind: &'static str,
    outcome: &'static str,
    rows: u64,
    written: u64,
    failed: u64,
    unmatched: u64,
    message: String,
}

struct ChangeRow {
    sku: String,
    veracore_sku: String,
    at: String,
    before: i32,
    after: i32,
    arithmetic: String,
    outcome: String,
    kind: &'static str,
}

struct NearMiss {
    veracore: String,
    vendure: String,
    setting: String,
}

struct HeldFeed {
    run: i64,
    at: String,
    reasons: String,
    plan_count: u64,
    is_acceptable: bool,
}

/// What is wrong with the names in the last whole feed.
#[derive(Default)]
struct Strangers {
    unmatched_count: u64,
    unmatched: Vec<String>,
    near: Vec<NearMiss>,
    not_in_feed_count: u64,
    not_in_feed: Vec<String>,
}

#[derive(Template)]
#[template(path = "inventory.html")]
struct InventoryPage {
    frame: Frame,
    held: Vec<HeldFeed>,
    are_more_held: bool,
    runs: Vec<RunRow>,
    changes: Vec<ChangeRow>,
    strangers: Strangers,
    may_act: bool,
    may_track: bool,
}

pub(super) async fn show(visit: Visit) -> Page {
    visit.ensure_reader()?;
    let ledger = &visit.services.ledger;
    let reader = visit.reader();
    let runs = timely(ledger.runs_of(inventory::JOB, RUNS)).await?;
    let mut held = timely(ledger.undecided_runs(inventory::JOB, HELD + 1)).await?;
    let shown = usize::try_from(HELD).unwrap_or(usize::MAX);
    let are_more_held = held.len() > shown;
    held.truncate(shown);
    let changes = timely(ledger.latest_stock_changes(None, CHANGES)).await?;
    let (last, _) = timely(ledger.standing_of_job(inventory::JOB)).await?;
    let page = InventoryPage {
        frame: visit.frame("inventory", "Inventory"),
        are_more_held,
        held: held.iter().map(|run| held_feed(run, &reader)).collect(),
        runs: runs.iter().map(|run| run_row(run, &reader)).collect(),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        strangers: last.map(|run| strangers(&run.result)).unwrap_or_default(),
        may_act: visit.may(UPDATE_STOCK),
        may_track: visit.may(UPDATE_ORDERS),
    };
    Ok(visit.answer(&page))
}

fn number(result: &Value, name: &str) -> u64 {
    result[name].as_u64().unwrap_or(0)
}

fn texts(result: &Value, name: &str) -> Vec<String> {
    let all = result[name].as_array().map_or(&[][..], Vec::as_slice);
    let texts = all.iter().filter_map(Value::as_str);
    texts.take(SKUS).map(str::to_owned).collect()
}

fn run_row(run: &Run, reader: &Reader) -> RunRow {
    let result = &run.result;
    let decided = result.get("acceptedBy").is_some() || result.get("discardedBy").is_some();
    let (kind, outcome) = match run.outcome.as_deref() {
        Some("done") => ("good", "done"),
        Some("held") if result.get("acceptedBy").is_some() => ("dim", "held, then accepted"),
        Some("held") if decided => ("dim", "held, then discarded"),
        Some("held") => ("bad", "held"),
        Some(_) => ("bad", "failed"),
        None if run.ended_at.is_none() => ("info", "running"),
        None => ("bad", "failed"),
    };
    RunRow {
        id: run.id,
        started: reader.ago(run.started_at),
        why: match run.origin.as_str() {
            "person" => "asked for",
            "webhook" => "VeraCore told of news",
            _ => "on schedule",
        },
        kind,
        outcome,
        rows: number(result, "rows"),
        written: number(result, "written"),
        failed: number(result, "refused") + number(result, "unknown") + number(result, "untried"),
        unmatched: number(result, "unmatchedCount"),
        message: run.error_message.clone().unwrap_or_default(),
    }
}

fn change_row(change: &RecordedChange, reader: &Reader) -> ChangeRow {
    let (kind, outcome) = match (change.outcome.as_deref(), &change.message) {
        (Some("written"), _) => ("good", "written".to_owned()),
        (Some(outcome), Some(message)) => ("bad", format!("{outcome}: {message}")),
        (Some(outcome), None) => ("bad", outcome.to_owned()),
        (None, _) => ("warn", "not known whether it was written".to_owned()),
    };
    let mut arithmetic = format!("{} free at VeraCore", change.available);
    for (sign, units, what) in [
        ('−', change.safety_stock, "kept from sale"),
        ('+', change.acknowledged, "in flight"),
        ('−', change.waiting_elsewhere, "promised by other variants"),
        ('−', change.gone, "shipped meanwhile"),
    ] {
        if units != 0 {
            arithmetic.push_str(&format!(" {sign} {units} {what}"));
        }
    }
    arithmetic.push_str(&format!(
        " = {} on hand; {} of them allocated",
        change.after, change.allocated
    ));
    ChangeRow {
        sku: change.sku.clone(),
        veracore_sku: change.veracore_sku.clone(),
        at: reader.ago(change.intended_at),
        before: change.before,
        after: change.after,
        arithmetic,
        outcome,
        kind,
    }
}

fn strangers(result: &Value) -> Strangers {
    let near = result["nearMisses"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let text = |near: &Value, name: &str| near[name].as_str().unwrap_or_default().to_owned();
    Strangers {
        unmatched_count: number(result, "unmatchedCount"),
        unmatched: texts(result, "unmatched"),
        near: near
            .iter()
            .take(SKUS)
            .map(|near| {
                let (veracore, vendure) = (text(near, "veracoreSku"), text(near, "vendureSku"));
                NearMiss {
                    // As a line of the file's table: its strings are JSON's.
                    setting: format!(
                        "{} = {}",
                        Value::from(vendure.as_str()),
                        Value::from(veracore.as_str())
                    ),
                    veracore,
                    vendure,
                }
            })
            .collect(),
        not_in_feed_count: number(result, "notInFeedCount"),
        not_in_feed: texts(result, "notInFeed"),
    }
}

fn held_feed(run: &Run, reader: &Reader) -> HeldFeed {
    let held = &run.result["held"];
    let suspicions = held["suspicions"].as_array().map_or(&[][..], Vec::as_slice);
    HeldFeed {
        run: run.id,
        at: reader.ago(run.started_at),
        reasons: run.error_message.clone().unwrap_or_default(),
        plan_count: number(held, "planCount"),
        // Of a feed that could not be read there is nothing to accept.
        is_acceptable: suspicions.iter().all(|s| s["reason"] != "unreadable"),
    }
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    run: RunRow,
    held: Option<HeldFeed>,
    plan: Vec<PlannedRow>,
    changes: Vec<ChangeRow>,
    strangers: Strangers,
    bad_rows: Vec<String>,
    decided: Option<String>,
    may_act: bool,
}

/// What a held feed would lead to.
struct PlannedRow {
    sku: String,
    before: i64,
    after: i64,
    available: i64,
}

pub(super) async fn run(visit: Visit, Named(id): Named<i64>) -> Page {
    visit.ensure_reader()?;
    let ledger = &visit.services.ledger;
    let run = timely(ledger.run(id)).await?;
    let run = run.filter(|run| run.job == inventory::JOB);
    let run = run.ok_or_else(|| {
        Sorry::not_found("There is no such pass over the stock. They are kept for 90 days.")
    })?;
    let changes = timely(ledger.latest_stock_changes(Some(id), CHANGES)).await?;
    let reader = visit.reader();
    let result = &run.result;
    let decided = match (&result["acceptedBy"], &result["discardedBy"]) {
        (Value::Number(by), _) => Some(format!("It was accepted; run {by} applied it.")),
        (_, Value::String(by)) => Some(format!("It was discarded by {by}.")),
        _ => None,
    };
    let is_held = is_undecided(&visit, id).await?;
    let page = RunPage {
        frame: visit.frame("inventory", format!("Stock, run {id}")),
        held: is_held.then(|| held_feed(&run, &reader)),
        plan: planned(&result["held"]["plan"]),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        strangers: strangers(result),
        bad_rows: texts(result, "badRows"),
        decided,
        may_act: visit.may(UPDATE_STOCK),
        run: run_row(&run, &reader),
    };
    Ok(visit.answer(&page))
}

/// Whether a person is still to decide on a run.
async fn is_undecided(visit: &Visit, id: i64) -> Result<bool, Sorry> {
    timely(visit.services.ledger.is_undecided(inventory::JOB, id)).await
}

fn planned(plan: &Value) -> Vec<PlannedRow> {
    let rows = plan.as_array().map_or(&[][..], Vec::as_slice);
    let number = |row: &Value, name: &str| row[name].as_i64().unwrap_or(0);
    rows.iter()
        .take(SKUS)
        .map(|row| PlannedRow {
            sku: row["sku"].as_str().unwrap_or_default().to_owned(),
            before: number(row, "before"),
            after: number(row, "after"),
            available: number(row, "available"),
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Discard,
}

impl Decision {
    fn parse(text: &str) -> Result<Self, Sorry> {
        match text {
            "accept" => Ok(Self::Accept),
            "discard" => Ok(Self::Discard),
            _ => Err(Sorry::not_found("There is no such page.")),
        }
    }
}

pub(super) async fn confirm(visit: Visit, Named((run, action)): Named<(i64, String)>) -> Page {
    visit.ensure(UPDATE_STOCK)?;
    let decision = Decision::parse(&action)?;
    if !is_undecided(&visit, run).await? {
        return Err(Sorry::not_found(
            "There is nothing to decide: this run was not held, was decided on, or a newer feed was applied since.",
        ));
    }
    let back = format!("/inventory/runs/{run}");
    let question = match decision {
        Decision::Accept => Question {
            place: "inventory",
            title: format!("Accept the feed that run {run} held?"),
            consequences: vec![
                "VeraCore's stock is read anew and applied, though it looks strange in the way that you see on the run's page.".into(),
                "A feed that got stranger meanwhile is held again, and nothing is written.".into(),
            ],
            act: format!("{back}/accept"),
            words: "Accept it".into(),
            is_grave: true,
            back,
        },
        Decision::Discard => Question {
            place: "inventory",
            title: format!("Discard the feed that run {run} held?"),
            consequences: vec![
                "Nothing of it is written, and it is not shown as held any more. The next pass reads a new feed, and holds that, too, if it is as strange.".into(),
            ],
            act: format!("{back}/discard"),
            words: "Discard it".into(),
            is_grave: false,
            back,
        },
    };
    Ok(question.ask(&visit))
}

pub(super) async fn decide(
    visit: Visit,
    Named((run, action)): Named<(i64, String)>,
    headers: HeaderMap,
    body: Body,
) -> Page {
    visit.ensure(UPDATE_STOCK)?;
    visit.form(&headers, body).await?;
    let (services, by) = (&visit.services, visit.admitted.name.as_str());
    let told = match Decision::parse(&action)? {
        Decision::Discard => actions::discard_held(services, run, by).await?,
        Decision::Accept => {
            let work = actions::accept_held(services, run, by);
            passed(tokio::time::timeout(DOING, work).await)?
        }
    };
    Ok(visit.tell("/inventory", told))
}

pub(super) async fn sync(visit: Visit, headers: HeaderMap, body: Body) -> Page {
    visit.ensure(UPDATE_STOCK)?;
    visit.form(&headers, body).await?;
    let by = visit.admitted.name.as_str();
    let work = actions::sync_inventory(&visit.services, Wish::default(), by);
    let told = passed(tokio::time::timeout(DOING, work).await)?;
    Ok(visit.tell("/inventory", told))
}

type Waited<T> = Result<Result<Result<T, String>, actions::Failure>, tokio::time::error::Elapsed>;

/// What came of a pass over the stock, or that it goes on.
fn passed(waited: Waited<inventory::Summary>) -> Result<actions::Told, Sorry> {
    Ok(match waited {
        Err(_) => Ok("The pass goes on; this page shows when it is done.".into()),
        Ok(outcome) => outcome?.and_then(|summary| match actions::not_all(&summary) {
            Some(why) => Err(why),
            None => Ok(format!(
                "Stock was brought to the shop. Levels written: {}; right already: {}.",
                summary.counts.written, summary.counts.unchanged
            )),
        }),
    })
}

pub(super) async fn sync_tracking(visit: Visit, headers: HeaderMap, body: Body) -> Page {
    visit.ensure(UPDATE_ORDERS)?;
    visit.form(&headers, body).await?;
    let work = actions::sync_tracking(&visit.services, None, &visit.admitted.name);
    let told = match tokio::time::timeout(DOING, work).await {
        Err(_) => Ok("The pass over tracking goes on.".into()),
        Ok(outcome) => outcome?.and_then(|summary| match summary.errors() {
            0 => Ok(format!(
                "{} packages told of, {} fulfillments made.",
                summary.shipments, summary.fulfilled
            )),
            errors => Err(format!(
                "{errors} things did not go as they should; the overview shows them."
            )),
        }),
    };
    Ok(visit.tell("/inventory", told))
}

#[derive(Deserialize)]
pub(super) struct WantedSku {
    sku: String,
}

struct LevelRow {
    name: String,
    lines: Vec<(String, i64, String)>,
}

#[derive(Template)]
#[template(path = "sku.html")]
struct SkuPage {
    frame: Frame,
    sku: String,
    asked: String,
    problem: Option<String>,
    levels: Vec<LevelRow>,
    changes: Vec<ChangeRow>,
}

/// The arithmetic behind one level, as it would be done now.
pub(super) async fn explain(visit: Visit, Asked(asked): Asked<WantedSku>) -> Page {
    visit.ensure_reader()?;
    let sku = Sku::parse(asked.sku.trim())
        .map_err(|problem| Sorry::new(StatusCode::BAD_REQUEST, format!("{problem}.")))?;
    let explained = visit.services.inventory.explain(&sku);
    let explained = tokio::time::timeout(DOING, explained).await;
    let explanation: Explanation = explained
        .map_err(|_| Sorry::away("Vendure and VeraCore take too long to answer."))?
        .map_err(actions::Failure::Ledger)?;
    let reader = visit.reader();
    let now = explanation.now.as_ref();
    let page = SkuPage {
        frame: Frame {
            is_still: true,
            ..visit.frame("inventory", format!("Stock of {}", explanation.sku))
        },
        asked: now.map_or_else(String::new, |now| reader.ago(now.asked_at)),
        problem: explanation.problem.clone(),
        levels: now.map_or_else(Vec::new, |now| now.variants.iter().map(level_row).collect()),
        changes: explanation
            .changes
            .iter()
            .map(|change| change_row(change, &reader))
            .collect(),
        sku: explanation.sku,
    };
    Ok(visit.answer(&page))
}

fn level_row(level: &inventory::Level) -> LevelRow {
    let n = &level.numbers;
    let orders: Vec<String> = level
        .orders
        .iter()
        .map(|(code, units)| format!("{code}: {units}"))
        .collect();
    let in_flight = if orders.is_empty() {
        "in flight: at VeraCore, not fulfilled in the shop".to_owned()
    } else {
        format!(
            "in flight: at VeraCore, not fulfilled in the shop ({})",
            orders.join(", ")
        )
    };
    let line = |sign: &str, units: i64, what: &str| (sign.to_owned(), units, what.to_owned());
    let mut lines = vec![line("", n.available.get().into(), "free at VeraCore")];
    if n.safety_stock.get() > 0 {
        lines.push(line("−", n.safety_stock.get().into(), "kept from sale"));
    }
    lines.push(line("+", n.acknowledged.into(), &in_flight));
    if n.waiting_elsewhere > 0 {
        lines.push(line(
            "−",
            n.waiting_elsewhere.into(),
            "promised by other variants of the same goods",
        ));
    }
    lines.push(line(
        "=",
        n.after.into(),
        &format!("should be on hand in the shop; there are {}", n.before),
    ));
    lines.push(line("−", n.allocated, "allocated by the shop"));
    lines.push(line(
        "=",
        (i64::from(n.after) - n.allocated).max(0),
        "can be sold",
    ));
    LevelRow {
        name: format!(
            "{} (variant {}, VeraCore's {})",
            n.sku, n.variant, n.veracore_sku
        ),
        lines,
    }
}
