//! One pass over the stock: what it did, or held, and a person's decision on that.

use askama::Template;
use axum::{body::Body, http::HeaderMap};
use serde_json::Value;

use super::{
    super::{
        ACTION_TIMEOUT, UPDATE_STOCK,
        confirmation::Confirmation,
        page::{ErrorPage, PageFrame, PageResult},
        session_context::{PathParams, SessionContext},
        with_timeout,
    },
    MAX_CHANGES,
    rows::{
        ChangeRow, MAX_SKUS, QuarantinedFeedCard, RunRow, SkuMismatches, change_row,
        quarantined_feed_card, run_row, sku_mismatches, text_list,
    },
    stock_run_message,
};
use crate::{sync::inventory, web::actions};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: PageFrame,
    run: RunRow,
    held: Option<QuarantinedFeedCard>,
    plan: Vec<PlannedRow>,
    changes: Vec<ChangeRow>,
    strangers: SkuMismatches,
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

pub(in crate::web::dashboard) async fn show(
    visit: SessionContext,
    PathParams(id): PathParams<i64>,
) -> PageResult {
    visit.require_reader()?;
    let ledger = &visit.services.ledger;
    let run = with_timeout(ledger.run(id)).await?;
    let run = run.filter(|run| run.job == inventory::JOB);
    let run = run.ok_or_else(|| {
        ErrorPage::not_found("There is no such pass over the stock. They are kept for 90 days.")
    })?;
    let changes = with_timeout(ledger.latest_stock_changes(Some(id), MAX_CHANGES)).await?;
    let reader = visit.time_format();
    let result = &run.result;
    let decided = match (&result["acceptedBy"], &result["discardedBy"]) {
        (Value::Number(by), _) => Some(format!("It was accepted; run {by} applied it.")),
        (_, Value::String(by)) => Some(format!("It was discarded by {by}.")),
        _ => None,
    };
    let is_held = is_awaiting_decision(&visit, id).await?;
    let page = RunPage {
        frame: visit.frame("inventory", format!("Stock, run {id}")),
        held: is_held.then(|| quarantined_feed_card(&run, &reader)),
        plan: planned_rows(&result["held"]["plan"]),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        strangers: sku_mismatches(result),
        bad_rows: text_list(result, "badRows"),
        decided,
        may_act: visit.is_permitted(UPDATE_STOCK),
        run: run_row(&run, &reader),
    };
    Ok(visit.render(&page))
}

/// Whether a person is still to decide on a run.
async fn is_awaiting_decision(visit: &SessionContext, id: i64) -> Result<bool, ErrorPage> {
    let ledger = &visit.services.ledger;
    let found =
        with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, Some(id), 1)).await?;
    Ok(!found.is_empty())
}

fn planned_rows(plan: &Value) -> Vec<PlannedRow> {
    let rows = plan.as_array().map_or(&[][..], Vec::as_slice);
    let number = |row: &Value, name: &str| row[name].as_i64().unwrap_or(0);
    rows.iter()
        .take(MAX_SKUS)
        .map(|row| PlannedRow {
            sku: row["sku"].as_str().unwrap_or_default().to_owned(),
            before: number(row, "before"),
            after: number(row, "after"),
            available: number(row, "available"),
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedDecision {
    Accept,
    Discard,
}

impl FeedDecision {
    fn parse(text: &str) -> Result<Self, ErrorPage> {
        match text {
            "accept" => Ok(Self::Accept),
            "discard" => Ok(Self::Discard),
            _ => Err(ErrorPage::not_found("There is no such page.")),
        }
    }
}

pub(in crate::web::dashboard) async fn confirm(
    visit: SessionContext,
    PathParams((run, action)): PathParams<(i64, String)>,
) -> PageResult {
    visit.require(UPDATE_STOCK)?;
    let decision = FeedDecision::parse(&action)?;
    if !is_awaiting_decision(&visit, run).await? {
        return Err(ErrorPage::not_found(
            "There is nothing to decide: this run was not held, was decided on, or a newer feed was applied since.",
        ));
    }
    let back = format!("/inventory/runs/{run}");
    let question = match decision {
        FeedDecision::Accept => Confirmation {
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
        FeedDecision::Discard => Confirmation {
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
    Ok(question.render(&visit))
}

pub(in crate::web::dashboard) async fn decide(
    visit: SessionContext,
    PathParams((run, action)): PathParams<(i64, String)>,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    visit.require(UPDATE_STOCK)?;
    visit.read_form(&headers, body).await?;
    let (services, by) = (&visit.services, visit.principal.name.as_str());
    let told = match FeedDecision::parse(&action)? {
        FeedDecision::Discard => actions::discard_quarantined_feed(services, run, by).await?,
        FeedDecision::Accept => {
            let work = actions::accept_quarantined_feed(services, run, by);
            stock_run_message(tokio::time::timeout(ACTION_TIMEOUT, work).await)?
        }
    };
    Ok(visit.redirect_with_message("/inventory", told))
}
