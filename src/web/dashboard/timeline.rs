//! An order's history as one list: attempts, responses, parcels. Pure.

use chrono::{DateTime, Utc};

use crate::ledger::{Attempt, OrderEvent, RecordedShipment, ShipmentStatus, SyncRecord};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimelineStep {
    pub at: DateTime<Utc>,
    /// The CSS class.
    pub kind: &'static str,
    pub what: String,
    pub detail: Option<String>,
}

impl TimelineStep {
    fn new(at: DateTime<Utc>, kind: &'static str, what: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            what: what.into(),
            detail: None,
        }
    }

    fn with_detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }
}

/// Builds the timeline, oldest step first.
pub(super) fn build(
    record: &SyncRecord,
    attempts: &[Attempt],
    parcels: &[RecordedShipment],
    events: &[OrderEvent],
) -> Vec<TimelineStep> {
    let mut steps = vec![TimelineStep::new(
        record.created_at,
        "info",
        "Discovered in Vendure",
    )];
    steps.extend(attempts.iter().flat_map(attempt_steps));
    for parcel in parcels {
        steps.extend(parcel_steps(parcel));
    }
    steps.extend(events.iter().filter_map(event_step));
    if let Some(at) = record.post_send.cancelled_at_veracore {
        let step = TimelineStep::new(at, "bad", "Found cancelled at VeraCore");
        steps.push(step.with_detail(record.post_send.cancel_message.clone()));
    }
    // Stable: steps of the same time keep their order.
    steps.sort_by_key(|step| step.at);
    steps
}

fn attempt_steps(attempt: &Attempt) -> Vec<TimelineStep> {
    let outcome = attempt.outcome.as_deref();
    let (kind, what) = match (attempt.kind.as_str(), outcome) {
        ("send", _) => return send_steps(attempt),
        ("read", Some("done")) => ("dim", "Read from Vendure"),
        ("read", _) => ("warn", "Reading from Vendure failed"),
        ("look_up", Some("found")) => ("good", "Found at VeraCore"),
        ("look_up", Some("missing")) => ("dim", "Not found at VeraCore"),
        ("look_up", _) => ("warn", "Lookup at VeraCore gave no clear result"),
        ("retry", _) => ("info", "Retry requested"),
        ("adopt", _) => ("info", "Adopted VeraCore's order of this number"),
        ("skip", _) => ("info", "Skipped manually"),
        ("backfill", _) => ("info", "Backfill requested"),
        _ => ("dim", "Other action"),
    };
    let step = TimelineStep::new(attempt.started_at, kind, what);
    vec![step.with_detail(failure_text(attempt))]
}

/// The send and its response.
fn send_steps(attempt: &Attempt) -> Vec<TimelineStep> {
    let sent = TimelineStep::new(attempt.started_at, "info", "Sent to VeraCore");
    let (kind, what) = match attempt.outcome.as_deref() {
        Some("accepted") => ("good", "Accepted by VeraCore"),
        Some("refused") => ("bad", "Refused by VeraCore"),
        Some("unknown") => ("warn", "Response lost: VeraCore may have the order"),
        Some(_) => ("warn", "Failed"),
        None => {
            let sent = TimelineStep {
                kind: "warn",
                ..sent
            };
            return vec![sent.with_detail(Some("No response recorded yet.".into()))];
        }
    };
    let ended = attempt.ended_at.unwrap_or(attempt.started_at);
    vec![
        sent,
        TimelineStep::new(ended, kind, what).with_detail(failure_text(attempt)),
    ]
}

/// The category and message of a failure.
fn failure_text(attempt: &Attempt) -> Option<String> {
    match (&attempt.category, &attempt.message) {
        (Some(category), Some(message)) => Some(format!("{category}: {message}")),
        (None, None) => None,
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

fn parcel_steps(parcel: &RecordedShipment) -> Vec<TimelineStep> {
    let report = &parcel.report;
    let name = match (&report.carrier, &report.tracking_number) {
        (Some(carrier), Some(number)) => format!("{carrier} {number}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "no tracking number".to_owned(),
    };
    let (kind, what) = match parcel.status {
        ShipmentStatus::Void => ("dim", "Parcel reported and withdrawn by VeraCore"),
        ShipmentStatus::Problem => ("bad", "Parcel reported by VeraCore, needs attention"),
        _ => ("info", "Parcel reported by VeraCore"),
    };
    let what = format!("{what}: {name}");
    let mut steps = vec![
        TimelineStep::new(parcel.first_seen_at, kind, what).with_detail(parcel.message.clone()),
    ];
    if let Some(at) = parcel.fulfilled_at {
        let fulfillment = parcel.fulfillment.as_ref();
        let id = fulfillment.map_or_else(String::new, |id| format!(" {id}"));
        steps.push(TimelineStep::new(
            at,
            "good",
            format!("Fulfillment{id} created in Vendure"),
        ));
    }
    steps
}

/// Events that attempts and parcels do not show.
fn event_step(event: &OrderEvent) -> Option<TimelineStep> {
    let (kind, what) = match event.event_type.as_str() {
        "order.failed" => ("bad", "Needs action"),
        "order.cancelled" => ("dim", "Cancelled"),
        _ => return None,
    };
    let message = event.data.get("message").and_then(|m| m.as_str());
    Some(TimelineStep::new(event.occurred_at, kind, what).with_detail(message.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(kind: &str, outcome: Option<&str>, started: i64) -> Attempt {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        Attempt {
            kind: kind.into(),
            started_at: at(started),
            ended_at: outcome.map(|_| at(started + 2)),
            outcome: outcome.map(str::to_owned),
            class: None,
            category: outcome
                .filter(|outcome| *outcome == "refused")
                .map(|_| "validation".into()),
            message: None,
        }
    }

    fn steps_of(attempt: &Attempt) -> Vec<(&'static str, String, i64)> {
        let steps = attempt_steps(attempt);
        let step = |step: TimelineStep| (step.kind, step.what, step.at.timestamp());
        steps.into_iter().map(step).collect()
    }

    #[test]
    fn a_send_and_its_response_are_two_steps() {
        assert_eq!(
            steps_of(&attempt("send", Some("accepted"), 10)),
            [
                ("info", "Sent to VeraCore".into(), 10),
                ("good", "Accepted by VeraCore".into(), 12)
            ]
        );
        assert_eq!(
            steps_of(&attempt("send", None, 10)),
            [("warn", "Sent to VeraCore".into(), 10)]
        );
        let refused = attempt_steps(&attempt("send", Some("refused"), 1));
        assert_eq!(refused[1].detail.as_deref(), Some("validation"));
        assert_eq!(
            steps_of(&attempt("look_up", Some("missing"), 7))[0].1,
            "Not found at VeraCore"
        );
        assert_eq!(steps_of(&attempt("later_word", None, 7))[0].0, "dim");
    }
}
