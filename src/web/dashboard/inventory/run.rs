//! One pass over the stock: what it did, or held, and a person's decision on that.

use askama::Template;
use axum::{body::Body, http::HeaderMap};
use serde_json::Value;

use super::{
    super::{
        DOING, UPDATE_STOCK,
        confirm::Question,
        page::{Frame, Page, Sorry},
        timely,
        visit::{Named, Visit},
    },
    CHANGES, passed,
    rows::{
        ChangeRow, HeldFeed, RunRow, SKUS, Strangers, change_row, held_feed, run_row, strangers,
        texts,
    },
};
use crate::{sync::inventory, web::actions};

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

pub(in crate::web::dashboard) async fn show(visit: Visit, Named(id): Named<i64>) -> Page {
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
    let ledger = &visit.services.ledger;
    let found = timely(ledger.undecided_runs(inventory::JOB, Some(id), 1)).await?;
    Ok(!found.is_empty())
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

pub(in crate::web::dashboard) async fn confirm(
    visit: Visit,
    Named((run, action)): Named<(i64, String)>,
) -> Page {
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

pub(in crate::web::dashboard) async fn decide(
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
