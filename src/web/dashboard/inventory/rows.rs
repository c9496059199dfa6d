//! Runs, stock changes and messages of the inventory pages, from the ledger's records. Pure.

use crate::{
    ledger::{RecordedStockChange, Run},
    sync::inventory::{InventorySummary, guard::Suspicion, plan::NearMiss},
    web::actions::{ActionError, ActionResult, incomplete_reason},
};

pub(super) const MAX_CHANGES: u32 = 100;

/// Listed SKUs of each kind.
pub(super) const MAX_SKUS: usize = 200;

/// An inventory run and its result.
pub(super) struct RunView {
    pub run: Run,
    /// With zeros where another version did not record a count.
    pub summary: InventorySummary,
    /// False if another version recorded a result that cannot be read.
    is_readable: bool,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let summary = serde_json::from_value(run.result.clone());
        Self {
            run,
            is_readable: summary.is_ok(),
            summary: summary.unwrap_or_default(),
        }
    }
}

impl RunView {
    /// The CSS class and the label.
    pub(super) fn outcome(&self) -> (&'static str, &'static str) {
        match self.run.outcome.as_deref() {
            Some("done") => ("good", "done"),
            Some("held") if self.run.accepted_by().is_some() => ("dim", "held, then accepted"),
            Some("held") if self.run.discarded_by().is_some() => ("dim", "held, then discarded"),
            Some("held") => ("bad", "held"),
            None if self.run.ended_at.is_none() => ("info", "running"),
            _ => ("bad", "failed"),
        }
    }

    pub(super) fn origin(&self) -> &'static str {
        match self.run.origin.as_str() {
            "person" => "manual",
            "webhook" => "VeraCore webhook",
            _ => "scheduled",
        }
    }

    pub(super) fn message(&self) -> &str {
        self.run.error_message.as_deref().unwrap_or_default()
    }

    /// The decision about the held feed, if there is one.
    pub(super) fn decision(&self) -> Option<String> {
        match (self.run.accepted_by(), self.run.discarded_by()) {
            (Some(run), _) => Some(format!("Accepted: run {run} applied a new feed.")),
            (None, Some(by)) => Some(format!("Discarded by {by}.")),
            (None, None) => None,
        }
    }

    /// An unreadable feed has nothing to accept.
    pub(super) fn is_acceptable(&self) -> bool {
        let quarantined = self.summary.quarantined.as_ref();
        self.is_readable
            && quarantined.is_none_or(|feed| {
                let mut suspicions = feed.suspicions.iter();
                !suspicions.any(|suspicion| matches!(suspicion, Suspicion::Unreadable { .. }))
            })
    }
}

/// The CSS class and the label of a change's outcome.
pub(super) fn change_outcome(change: &RecordedStockChange) -> (&'static str, String) {
    match (change.outcome.as_deref(), &change.message) {
        (Some("written"), _) => ("good", "written".to_owned()),
        (Some(outcome), Some(message)) => ("bad", format!("{outcome}: {message}")),
        (Some(outcome), None) => ("bad", outcome.to_owned()),
        (None, _) => ("warn", "unconfirmed".to_owned()),
    }
}

/// The calculation of a change in one line.
pub(super) fn arithmetic(change: &RecordedStockChange) -> String {
    let mut text = format!("{} available at VeraCore", change.available);
    for (sign, units, term) in [
        ('−', change.safety_stock, "safety stock"),
        ('+', change.acknowledged, "in flight"),
        ('−', change.waiting_elsewhere, "waiting on other variants"),
        ('−', change.gone, "shipped since the read"),
    ] {
        if units != 0 {
            text.push_str(&format!(" {sign} {units} {term}"));
        }
    }
    text + &format!(
        " = {} on hand, {} of them allocated",
        change.after, change.allocated
    )
}

/// The line of the table `[skus]` that maps the SKU. TOML strings of this kind are JSON strings.
pub(super) fn sku_setting(near: &NearMiss) -> String {
    let quoted = |sku: &str| serde_json::Value::from(sku).to_string();
    format!(
        "{} = {}",
        quoted(&near.vendure_sku),
        quoted(&near.veracore_sku)
    )
}

/// The message after an inventory run; `None`: the run continues.
pub(super) fn stock_run_message(summary: Option<InventorySummary>) -> ActionResult {
    let Some(summary) = summary else {
        return Ok("Inventory sync is still running. This page shows when it is done.".into());
    };
    match incomplete_reason(&summary) {
        Some(reason) => Err(ActionError::Rejected(reason)),
        None => Ok(format!(
            "Inventory synced. Stock levels written: {}; already correct: {}.",
            summary.counts.written, summary.counts.unchanged
        )),
    }
}
