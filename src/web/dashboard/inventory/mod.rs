//! The inventory page: runs, stock changes, SKU mismatches, held feeds, and manual runs.

mod rows;
pub(super) mod run;
pub(super) mod sku;

use askama::Template;
use axum::{body::Body, http::HeaderMap};

use self::rows::{
    ChangeRow, MAX_CHANGES, QuarantinedFeedCard, RunRow, SkuMismatches, change_row,
    quarantined_feed_card, run_row, sku_mismatches, stock_run_message,
};
use super::{
    error_page::{PageResult, with_action_timeout, with_timeout},
    page::PageFrame,
    session_context::SessionContext,
};
use crate::{
    sync::inventory::{self, InventoryRequest},
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
    quarantined: Vec<QuarantinedFeedCard>,
    has_more_quarantined: bool,
    runs: Vec<RunRow>,
    changes: Vec<ChangeRow>,
    sku_mismatches: SkuMismatches,
    may_act: bool,
    may_track: bool,
}

pub(super) async fn show(visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let ledger = &visit.services.ledger;
    let reader = visit.time_format();
    let runs = with_timeout(ledger.runs_of_job(inventory::JOB, MAX_RUNS)).await?;
    let mut quarantined =
        with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, MAX_QUARANTINED + 1))
            .await?;
    let shown = usize::try_from(MAX_QUARANTINED).unwrap_or(usize::MAX);
    let has_more_quarantined = quarantined.len() > shown;
    quarantined.truncate(shown);
    let changes = with_timeout(ledger.stock_changes(None, None, MAX_CHANGES)).await?;
    let (last, _) = with_timeout(ledger.job_status(inventory::JOB)).await?;
    let page = InventoryPage {
        frame: visit.frame("inventory", "Inventory"),
        has_more_quarantined,
        quarantined: quarantined
            .iter()
            .map(|run| quarantined_feed_card(run, &reader))
            .collect(),
        runs: runs.iter().map(|run| run_row(run, &reader)).collect(),
        changes: changes.iter().map(|c| change_row(c, &reader)).collect(),
        sku_mismatches: last
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
    let run = actions::sync_inventory(&visit.services, InventoryRequest::default(), by);
    let outcome = with_action_timeout(run).await.and_then(stock_run_message);
    visit.redirect_with_message("/inventory", outcome)
}

pub(super) async fn sync_tracking(
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    visit.require(UPDATE_ORDERS)?;
    visit.read_form(&headers, body).await?;
    let run = actions::sync_tracking(&visit.services, None, &visit.principal.name);
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
    visit.redirect_with_message("/inventory", outcome)
}
