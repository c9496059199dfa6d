//! The report of a run, or of its preview.

use anyhow::bail;
use serde::Serialize;

use crate::{
    ledger::StockChange,
    sync::{jobs::run_once::RunAttempt, tracking::ParcelPreview},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunReport<'a, S> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    #[serde(flatten)]
    pub summary: &'a S,
    /// The stock levels that the run would write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<&'a [StockChange]>,
    /// The parcels that the run would fulfill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<&'a [ParcelPreview]>,
}

impl<'a, S> RunReport<'a, S> {
    pub(super) const fn new(run: Option<i64>, dry_run: Option<bool>, summary: &'a S) -> Self {
        Self {
            run,
            dry_run,
            summary,
            changes: None,
            packages: None,
        }
    }
}

/// The number and the result of a completed run. `what` names the run in messages.
pub(super) fn completed<T, E: Into<anyhow::Error>>(
    what: &str,
    attempt: RunAttempt<Result<T, E>>,
) -> anyhow::Result<(i64, T)> {
    match attempt {
        RunAttempt::Completed(run, Ok(result)) => Ok((run.number(), result)),
        RunAttempt::Completed(_, Err(error)) => Err(error.into()),
        RunAttempt::NotStarted => {
            bail!("{what} is already in progress; try again when it is done")
        }
        RunAttempt::LeaseLost => {
            bail!("the database was unavailable for too long; the run was stopped halfway")
        }
    }
}
