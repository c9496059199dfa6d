//! Stock: what ran, what was written and by which arithmetic, what matches nothing, what is held; and
//! passes at once.

mod rows;
pub(super) mod run;
pub(super) mod sku;

use askama::Template;
use axum::{body::Body, http::HeaderMap};

use self::rows::{
    ChangeRow, QuarantinedFeedCard, RunRow, SkuMismatches, change_row, quarantined_feed_card,
    run_row, sku_mismatches,
};
use super::{
    ACTION_TIMEOUT, UPDATE_ORDERS, UPDATE_STOCK,
    page::{ErrorPage, PageFrame, PageResult},
    session_context::SessionContext,
    with_timeout,
};
use crate::{
    sync::inventory::{self, InventoryRequest},
    web::actions,
};

const MAX_RUNS: u32 = 20;

/// So many held feeds are shown.
const MAX_QUARANTINED: u32 = 3;

const MAX_CHANGES: u32 = 100;

#[derive(Template)]
#[template(path = "inventory.html")]
struct InventoryPage {
    frame: PageFrame,
    held: Vec<QuarantinedFeedCard>,
    are_more_held: bool,
    runs: Vec<RunRow>,
    changes: Vec<ChangeRow>,
    strangers: SkuMismatches,
    may_act: bool,
    may_track: bool,
}

pub(super) async fn show(visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let ledger = &visit.services.ledger;
    let reader = visit.time_format();
    let runs = with_timeout(ledger.runs_of_job(inventory::JOB, MAX_RUNS)).await?;
    let mut held =
        with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, MAX_QUARANTINED + 1))
            .await?;
    let shown = usize::try_from(MAX_QUARANTINED).unwrap_or(usize::MAX);
    let are_more_held = held.len() > shown;
    held.truncate(shown);
    let changes = with_timeout(ledger.latest_stock_changes(None, MAX_CHANGES)).await?;
    let (last, _) = with_timeout(ledger.job_status(inventory::JOB)).await?;
    let page = InventoryPage {
        frame: visit.frame("inventory", "Inventory"),
        are_more_held,
        held: held
            .iter()
            .map(|run| quarantined_feed_card(run, &reader))
            .collect(),
        runs: runs.iter().map(|run| run_row(run, &reader)).collect(),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        strangers: last
            .map(|run| sku_mismatches(&run.result))
            .unwrap_or_default(),
        may_act: visit.is_permitted(UPDATE_STOCK),
        may_track: visit.is_permitted(UPDATE_ORDERS),
    };
    Ok(visit.render(&page))
}

pub(super) async fn sync_stock(
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    visit.require(UPDATE_STOCK)?;
    visit.read_form(&headers, body).await?;
    let by = visit.principal.name.as_str();
    let work = actions::sync_inventory(&visit.services, InventoryRequest::default(), by);
    let told = stock_run_message(tokio::time::timeout(ACTION_TIMEOUT, work).await)?;
    Ok(visit.redirect_with_message("/inventory", told))
}

type TimedRun<T> =
    Result<Result<Result<T, String>, actions::ActionError>, tokio::time::error::Elapsed>;

/// What came of a pass over the stock, or that it goes on.
fn stock_run_message(
    waited: TimedRun<inventory::InventorySummary>,
) -> Result<actions::ActionResult, ErrorPage> {
    Ok(match waited {
        Err(_) => Ok("The pass goes on; this page shows when it is done.".into()),
        Ok(outcome) => outcome?.and_then(|summary| match actions::incomplete_reason(&summary) {
            Some(why) => Err(why),
            None => Ok(format!(
                "Stock was brought to the shop. Levels written: {}; right already: {}.",
                summary.counts.written, summary.counts.unchanged
            )),
        }),
    })
}

pub(super) async fn sync_tracking(
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    visit.require(UPDATE_ORDERS)?;
    visit.read_form(&headers, body).await?;
    let work = actions::sync_tracking(&visit.services, None, &visit.principal.name);
    let told = match tokio::time::timeout(ACTION_TIMEOUT, work).await {
        Err(_) => Ok("The pass over tracking goes on.".into()),
        Ok(outcome) => outcome?.and_then(|summary| match summary.error_count() {
            0 => Ok(format!(
                "{} packages told of, {} fulfillments made.",
                summary.shipments, summary.fulfilled
            )),
            errors => Err(format!(
                "{errors} things did not go as they should; the overview shows them."
            )),
        }),
    };
    Ok(visit.redirect_with_message("/inventory", told))
}
