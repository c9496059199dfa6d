//! An inventory run: its result, and the decision about a held feed.

use askama::Template;
use axum::{body::Body, http::HeaderMap};
use serde_json::Value;

use super::{
    super::{
        confirmation::Confirmation,
        error_page::{ErrorPage, PageResult, no_such_page, with_action_timeout, with_timeout},
        page::PageFrame,
        session_context::{PathParams, SessionContext},
    },
    rows::{
        ChangeRow, MAX_CHANGES, MAX_SKUS, QuarantinedFeedCard, RunRow, SkuMismatches, change_row,
        quarantined_feed_card, run_row, sku_mismatches, stock_run_message, text_list,
    },
};
use crate::{
    sync::inventory,
    web::{access::UPDATE_STOCK, actions},
};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: PageFrame,
    run: RunRow,
    quarantined: Option<QuarantinedFeedCard>,
    plan: Vec<PlannedRow>,
    changes: Vec<ChangeRow>,
    sku_mismatches: SkuMismatches,
    bad_rows: Vec<String>,
    decided: Option<String>,
    may_act: bool,
}

/// A change that a held feed would make.
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
        ErrorPage::not_found("This inventory run does not exist. Runs are kept for 90 days.")
    })?;
    let changes = with_timeout(ledger.stock_changes(None, Some(id), MAX_CHANGES)).await?;
    let reader = visit.time_format();
    let result = &run.result;
    let decided = match (&result["acceptedBy"], &result["discardedBy"]) {
        (Value::Number(by), _) => Some(format!("Accepted: run {by} applied a new feed.")),
        (_, Value::String(by)) => Some(format!("Discarded by {by}.")),
        _ => None,
    };
    let is_held = is_awaiting_decision(&visit, id).await?;
    let page = RunPage {
        frame: visit.frame("inventory", format!("Inventory run {id}")),
        quarantined: is_held.then(|| quarantined_feed_card(&run, &reader)),
        plan: planned_rows(&result["held"]["plan"]),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        sku_mismatches: sku_mismatches(result),
        bad_rows: text_list(result, "badRows"),
        decided,
        may_act: visit.is_permitted(UPDATE_STOCK),
        run: run_row(&run, &reader),
    };
    Ok(visit.render(&page))
}

/// The run's feed is held and not decided on.
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
            _ => Err(no_such_page()),
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
            "There is nothing to decide: this feed is not held, was decided on, or a newer feed was applied.",
        ));
    }
    let back = format!("/inventory/runs/{run}");
    let page = match decision {
        FeedDecision::Accept => Confirmation {
            nav_entry: "inventory",
            title: format!("Accept the feed held by run {run}?"),
            consequences: vec![
                "VeraCore's inventory is read again and applied, although it failed the safety checks shown on the run's page.".into(),
                "If the new feed got worse, it is held again and nothing is written.".into(),
            ],
            form_action: format!("{back}/accept"),
            label: "Accept feed".into(),
            is_destructive: true,
            back,
        },
        FeedDecision::Discard => Confirmation {
            nav_entry: "inventory",
            title: format!("Discard the feed held by run {run}?"),
            consequences: vec![
                "Nothing is written. The next run reads a new feed, and holds it if it fails the safety checks, too.".into(),
            ],
            form_action: format!("{back}/discard"),
            label: "Discard feed".into(),
            is_destructive: false,
            back,
        },
    };
    Ok(page.render(&visit))
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
    let outcome = match FeedDecision::parse(&action)? {
        FeedDecision::Discard => actions::discard_quarantined_feed(services, run, by).await,
        FeedDecision::Accept => {
            let accept = actions::accept_quarantined_feed(services, run, by);
            with_action_timeout(accept)
                .await
                .and_then(stock_run_message)
        }
    };
    visit.redirect_with_message("/inventory", outcome)
}
