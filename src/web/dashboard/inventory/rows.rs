//! Rows and messages of the inventory pages, from the ledger's records. Pure.

use serde_json::Value;

use super::super::time_format::TimeFormat;
use crate::{
    ledger::{RecordedStockChange, Run},
    sync::inventory::InventorySummary,
    web::actions::{ActionError, ActionResult, incomplete_reason},
};

pub(super) const MAX_CHANGES: u32 = 100;

pub(super) const MAX_SKUS: usize = 200;

pub(super) struct RunRow {
    pub id: i64,
    pub started: String,
    pub why: &'static str,
    pub kind: &'static str,
    pub outcome: &'static str,
    pub rows: u64,
    pub written: u64,
    pub failed: u64,
    pub unmatched: u64,
    pub message: String,
}

pub(super) struct ChangeRow {
    pub sku: String,
    pub veracore_sku: String,
    pub at: String,
    pub before: i32,
    pub after: i32,
    pub arithmetic: String,
    pub outcome: String,
    pub kind: &'static str,
}

pub(super) struct NearMiss {
    pub veracore: String,
    pub vendure: String,
    pub setting: String,
}

pub(super) struct QuarantinedFeedCard {
    pub run: i64,
    pub at: String,
    pub reasons: String,
    pub plan_count: u64,
    pub is_acceptable: bool,
}

/// SKUs of the last complete feed that do not match the shop's.
#[derive(Default)]
pub(super) struct SkuMismatches {
    pub unmatched_count: u64,
    pub unmatched: Vec<String>,
    pub near: Vec<NearMiss>,
    pub not_in_feed_count: u64,
    pub not_in_feed: Vec<String>,
}

pub(super) fn count_field(result: &Value, name: &str) -> u64 {
    result[name].as_u64().unwrap_or(0)
}

pub(super) fn text_list(result: &Value, name: &str) -> Vec<String> {
    let all = result[name].as_array().map_or(&[][..], Vec::as_slice);
    let texts = all.iter().filter_map(Value::as_str);
    texts.take(MAX_SKUS).map(str::to_owned).collect()
}

pub(super) fn run_row(run: &Run, reader: &TimeFormat) -> RunRow {
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
        started: reader.time_tag(run.started_at),
        why: match run.origin.as_str() {
            "person" => "manual",
            "webhook" => "VeraCore webhook",
            _ => "scheduled",
        },
        kind,
        outcome,
        rows: count_field(result, "rows"),
        written: count_field(result, "written"),
        failed: count_field(result, "refused")
            + count_field(result, "unknown")
            + count_field(result, "untried"),
        unmatched: count_field(result, "unmatchedCount"),
        message: run.error_message.clone().unwrap_or_default(),
    }
}

pub(super) fn change_row(change: &RecordedStockChange, reader: &TimeFormat) -> ChangeRow {
    let (kind, outcome) = match (change.outcome.as_deref(), &change.message) {
        (Some("written"), _) => ("good", "written".to_owned()),
        (Some(outcome), Some(message)) => ("bad", format!("{outcome}: {message}")),
        (Some(outcome), None) => ("bad", outcome.to_owned()),
        (None, _) => ("warn", "unconfirmed".to_owned()),
    };
    let mut arithmetic = format!("{} available at VeraCore", change.available);
    for (sign, units, term) in [
        ('−', change.safety_stock, "safety stock"),
        ('+', change.acknowledged, "in flight"),
        ('−', change.waiting_elsewhere, "waiting on other variants"),
        ('−', change.gone, "shipped since the read"),
    ] {
        if units != 0 {
            arithmetic.push_str(&format!(" {sign} {units} {term}"));
        }
    }
    arithmetic.push_str(&format!(
        " = {} on hand, {} of them allocated",
        change.after, change.allocated
    ));
    ChangeRow {
        sku: change.sku.clone(),
        veracore_sku: change.veracore_sku.clone(),
        at: reader.time_tag(change.intended_at),
        before: change.before,
        after: change.after,
        arithmetic,
        outcome,
        kind,
    }
}

pub(super) fn sku_mismatches(result: &Value) -> SkuMismatches {
    let near = result["nearMisses"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let text = |near: &Value, name: &str| near[name].as_str().unwrap_or_default().to_owned();
    SkuMismatches {
        unmatched_count: count_field(result, "unmatchedCount"),
        unmatched: text_list(result, "unmatched"),
        near: near
            .iter()
            .take(MAX_SKUS)
            .map(|near| {
                let (veracore, vendure) = (text(near, "veracoreSku"), text(near, "vendureSku"));
                NearMiss {
                    // TOML strings of this kind are JSON strings.
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
        not_in_feed_count: count_field(result, "notInFeedCount"),
        not_in_feed: text_list(result, "notInFeed"),
    }
}

pub(super) fn quarantined_feed_card(run: &Run, reader: &TimeFormat) -> QuarantinedFeedCard {
    let quarantine = &run.result["held"];
    let suspicions = quarantine["suspicions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    QuarantinedFeedCard {
        run: run.id,
        at: reader.time_tag(run.started_at),
        reasons: run.error_message.clone().unwrap_or_default(),
        plan_count: count_field(quarantine, "planCount"),
        // An unreadable feed has nothing to accept.
        is_acceptable: suspicions.iter().all(|s| s["reason"] != "unreadable"),
    }
}

/// The message after an inventory run; `None`: the run continues.
pub(super) fn stock_run_message(summary: Option<InventorySummary>) -> ActionResult {
    let Some(summary) = summary else {
        return Ok("Inventory sync is still running. This page shows when it is done.".into());
    };
    match incomplete_reason(&summary) {
        Some(why) => Err(ActionError::Rejected(why)),
        None => Ok(format!(
            "Inventory synced. Stock levels written: {}; already correct: {}.",
            summary.counts.written, summary.counts.unchanged
        )),
    }
}
