//! The inventory page: runs, stock changes, SKU mismatches, held feeds, and manual runs.

mod rows;
pub(super) mod run;
pub(super) mod sku;

use askama::Template;

use self::rows::{MAX_CHANGES, RunView, stock_run_message};
use super::{
    error_page::{PageResult, with_action_timeout, with_timeout},
    page::PageFrame,
    session_context::{SessionContext, SubmittedForm},
    time_format::TimeFormat,
};
use crate::{
    ledger::RecordedStockChange,
    sync::inventory::{self, InventoryRequest, InventorySummary},
    web::{
        access::{UPDATE_ORDERS, UPDATE_STOCK},
        actions::{self, ActionError},
    },
};

const MAX_RUNS: u32 = 20;

const MAX_QUARANTINED: u32 = 3;

#[derive(Template)]
#[template(path = "inventory.html")]
struct InventoryPage {
    frame: PageFrame,
    times: TimeFormat,
    quarantined: Vec<RunView>,
    has_more_quarantined: bool,
    runs: Vec<RunView>,
    changes: Vec<RecordedStockChange>,
    /// The result of the last complete feed.
    last: InventorySummary,
    may_act: bool,
    may_track: bool,
}

pub(super) async fn show(session: SessionContext) -> PageResult {
    session.require_reader()?;
    let ledger = &session.services.ledger;
    let runs = with_timeout(ledger.runs_of_job(inventory::JOB, MAX_RUNS)).await?;
    let mut quarantined =
        with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, MAX_QUARANTINED + 1))
            .await?;
    let shown = usize::try_from(MAX_QUARANTINED).unwrap_or(usize::MAX);
    let has_more_quarantined = quarantined.len() > shown;
    quarantined.truncate(shown);
    let (last, _) = with_timeout(ledger.job_status(inventory::JOB)).await?;
    let page = InventoryPage {
        frame: session.frame("inventory", "Inventory"),
        times: session.time_format(),
        has_more_quarantined,
        quarantined: quarantined.into_iter().map(RunView::from).collect(),
        runs: runs.into_iter().map(RunView::from).collect(),
        changes: with_timeout(ledger.stock_changes(None, None, MAX_CHANGES)).await?,
        last: last.map_or_else(InventorySummary::default, |run| RunView::from(run).summary),
        may_act: session.is_permitted(UPDATE_STOCK),
        may_track: session.is_permitted(UPDATE_ORDERS),
    };
    Ok(session.render(&page))
}

pub(super) async fn sync_stock(SubmittedForm(session): SubmittedForm) -> PageResult {
    session.require(UPDATE_STOCK)?;
    let by = session.principal.name.as_str();
    let run = actions::sync_inventory(&session.services, InventoryRequest::default(), by);
    let outcome = with_action_timeout(run).await.and_then(stock_run_message);
    session.redirect_with_message("/inventory", outcome)
}

pub(super) async fn sync_tracking(SubmittedForm(session): SubmittedForm) -> PageResult {
    session.require(UPDATE_ORDERS)?;
    let run = actions::sync_tracking(&session.services, None, &session.principal.name);
    let outcome = with_action_timeout(run).await.and_then(|summary| {
        let Some(summary) = summary else {
            return Ok("Tracking sync is still running.".into());
        };
        match summary.error_count() {
            0 => Ok(format!(
                "Parcels reported: {}; fulfillments created: {}.",
                summary.shipments, summary.fulfilled
            )),
            errors => Err(ActionError::Rejected(format!(
                "Tracking sync had {errors} errors. The overview shows them."
            ))),
        }
    });
    session.redirect_with_message("/inventory", outcome)
}
