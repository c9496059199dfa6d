//! An order's history as one list: what was tried, by whom, what VeraCore said, what became of its
//! packages. Pure.

use chrono::{DateTime, Utc};

use crate::ledger::{Attempt, OrderEvent, RecordedShipment, ShipmentStatus, SyncRecord};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimelineStep {
    pub at: DateTime<Utc>,
    /// The class of its colour.
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

/// Everything that is known of an order, the oldest first.
pub(super) fn build(
    record: &SyncRecord,
    attempts: &[Attempt],
    packages: &[RecordedShipment],
    events: &[OrderEvent],
) -> Vec<TimelineStep> {
    let mut steps = vec![TimelineStep::new(
        record.created_at,
        "info",
        "Found in Vendure and taken into the ledger",
    )];
    steps.extend(attempts.iter().flat_map(attempt_steps));
    for package in packages {
        steps.extend(parcel_steps(package));
    }
    steps.extend(events.iter().filter_map(event_step));
    if let Some(at) = record.post_send.cancelled_at_veracore {
        let step = TimelineStep::new(at, "bad", "Seen to be cancelled at VeraCore");
        steps.push(step.with_detail(record.post_send.cancel_message.clone()));
    }
    // Of the same moment, in the sequence in which they were written.
    steps.sort_by_key(|step| step.at);
    steps
}

fn attempt_steps(attempt: &Attempt) -> Vec<TimelineStep> {
    let outcome = attempt.outcome.as_deref();
    let (kind, what) = match (attempt.kind.as_str(), outcome) {
        ("send", _) => return send_steps(attempt),
        ("read", Some("done")) => ("dim", "Read from Vendure"),
        ("read", _) => ("warn", "Could not be read from Vendure"),
        ("look_up", Some("found")) => ("good", "VeraCore was asked, and has it"),
        ("look_up", Some("missing")) => ("dim", "VeraCore was asked, and does not have it"),
        ("look_up", _) => ("warn", "VeraCore was asked, and gave no clear answer"),
        ("retry", _) => ("info", "A person asked for another try"),
        ("adopt", _) => (
            "info",
            "A person said that VeraCore's order of this number is it",
        ),
        ("skip", _) => ("info", "A person took it out"),
        ("backfill", _) => (
            "info",
            "A person asked for it to be sent, though it is from before the first start",
        ),
        _ => ("dim", "Something else was tried"),
    };
    let step = TimelineStep::new(attempt.started_at, kind, what);
    vec![step.with_detail(failure_text(attempt))]
}

/// The send, and what came back for it.
fn send_steps(attempt: &Attempt) -> Vec<TimelineStep> {
    let sent = TimelineStep::new(attempt.started_at, "info", "Sent to VeraCore");
    let (kind, what) = match attempt.outcome.as_deref() {
        Some("accepted") => ("good", "VeraCore acknowledged it"),
        Some("refused") => ("bad", "VeraCore refused it"),
        Some("unknown") => ("warn", "The answer was lost: VeraCore may have it"),
        Some(_) => ("warn", "It failed"),
        None => {
            let sent = TimelineStep {
                kind: "warn",
                ..sent
            };
            return vec![sent.with_detail(Some("No answer is known (yet).".into()))];
        }
    };
    let ended = attempt.ended_at.unwrap_or(attempt.started_at);
    vec![
        sent,
        TimelineStep::new(ended, kind, what).with_detail(failure_text(attempt)),
    ]
}

/// Of a failure: its kind, and the message.
fn failure_text(attempt: &Attempt) -> Option<String> {
    match (&attempt.category, &attempt.message) {
        (Some(category), Some(message)) => Some(format!("{category}: {message}")),
        (None, None) => None,
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

fn parcel_steps(package: &RecordedShipment) -> Vec<TimelineStep> {
    let told = &package.report;
    let name: Vec<&str> = [told.carrier.as_deref(), told.tracking_number.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let name = if name.is_empty() {
        "without a tracking number".to_owned()
    } else {
        name.join(" ")
    };
    let (kind, what) = match package.status {
        ShipmentStatus::Void => (
            "dim",
            format!("VeraCore told of a package ({name}), and took it back"),
        ),
        ShipmentStatus::Problem => (
            "bad",
            format!("VeraCore told of a package ({name}) that needs a person"),
        ),
        _ => ("info", format!("VeraCore told of a package ({name})")),
    };
    let mut steps = vec![
        TimelineStep::new(package.first_seen_at, kind, what).with_detail(package.message.clone()),
    ];
    if let Some(at) = package.fulfilled_at {
        let fulfillment = package.fulfillment.as_ref();
        let id = fulfillment.map_or_else(String::new, |id| format!(" {id}"));
        steps.push(TimelineStep::new(
            at,
            "good",
            format!("Fulfillment{id} was made in Vendure"),
        ));
    }
    steps
}

/// What attempts and packages do not tell already.
fn event_step(event: &OrderEvent) -> Option<TimelineStep> {
    let (kind, what) = match event.event_type.as_str() {
        "order.failed" => ("bad", "It needs a person now"),
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

    fn told(attempt: &Attempt) -> Vec<(&'static str, String, i64)> {
        let steps = attempt_steps(attempt);
        let step = |step: TimelineStep| (step.kind, step.what, step.at.timestamp());
        steps.into_iter().map(step).collect()
    }

    #[test]
    fn a_send_and_its_answer_are_two_things() {
        assert_eq!(
            told(&attempt("send", Some("accepted"), 10)),
            [
                ("info", "Sent to VeraCore".into(), 10),
                ("good", "VeraCore acknowledged it".into(), 12)
            ]
        );
        assert_eq!(
            told(&attempt("send", None, 10)),
            [("warn", "Sent to VeraCore".into(), 10)]
        );
        let refused = attempt_steps(&attempt("send", Some("refused"), 1));
        assert_eq!(refused[1].detail.as_deref(), Some("validation"));
        assert_eq!(
            told(&attempt("look_up", Some("missing"), 7))[0].1,
            "VeraCore was asked, and does not have it"
        );
        assert_eq!(told(&attempt("later_word", None, 7))[0].0, "dim");
    }
}
