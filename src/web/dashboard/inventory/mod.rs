//! Stock: what ran, what was written and by which arithmetic, what matches nothing, what is held; and
//! passes at once.

mod rows;
pub(super) mod run;
pub(super) mod sku;

use askama::Template;
use axum::{body::Body, http::HeaderMap};

use self::rows::{
    ChangeRow, HeldFeed, RunRow, Strangers, change_row, held_feed, run_row, strangers,
};
use super::{
    DOING, UPDATE_ORDERS, UPDATE_STOCK,
    page::{Frame, Page, Sorry},
    timely,
    visit::Visit,
};
use crate::{
    sync::inventory::{self, Wish},
    web::actions,
};

const RUNS: u32 = 20;

/// So many held feeds are shown.
const HELD: u32 = 3;

const CHANGES: u32 = 100;

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
    let mut held = timely(ledger.undecided_runs(inventory::JOB, None, HELD + 1)).await?;
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
