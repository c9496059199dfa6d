//! An order's history as one list: what was tried, by whom, what VeraCore said, what became of its
//! packages. Pure.

use chrono::{DateTime, Utc};

use crate::ledger::{Attempt, OrderEvent, RecordedShipment, ShipmentStatus, SyncRecord};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub at: DateTime<Utc>,
    /// The class of its colour.
    pub kind: &'static str,
    pub what: String,
    pub detail: Option<String>,
}

impl Step {
    fn new(at: DateTime<Utc>, kind: &'static str, what: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            what: what.into(),
            detail: None,
        }
    }

    fn because(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }
}

/// Everything that is known of an order, the oldest first.
pub(super) fn of(
    record: &SyncRecord,
    attempts: &[Attempt],
    packages: &[RecordedShipment],
    events: &[OrderEvent],
) -> Vec<Step> {
    let mut steps = vec![Step::new(
        record.created_at,
        "info",
        "Found in Vendure and taken into the ledger",
    )];
    steps.extend(attempts.iter().flat_map(of_attempt));
    for package in packages {
        steps.extend(of_package(package));
    }
    steps.extend(events.iter().filter_map(of_event));
    if let Some(at) = record.aftercare.cancelled_at_veracore {
        let step = Step::new(at, "bad", "Seen to be cancelled at VeraCore");
        steps.push(step.because(record.aftercare.cancel_message.clone()));
    }
    // Of the same moment, in the sequence in which they were written.
    steps.sort_by_key(|step| step.at);
    steps
}

fn of_attempt(attempt: &Attempt) -> Vec<Step> {
    let outcome = attempt.outcome.as_deref();
    let (kind, what) = match (attempt.kind.as_str(), outcome) {
        ("send", _) => return of_send(attempt),
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
    let step = Step::new(attempt.started_at, kind, what);
    vec![step.because(why(attempt))]
}

/// The send, and what came back for it.
fn of_send(attempt: &Attempt) -> Vec<Step> {
    let sent = Step::new(attempt.started_at, "info", "Sent to VeraCore");
    let (kind, what) = match attempt.outcome.as_deref() {
        Some("accepted") => ("good", "VeraCore acknowledged it"),
        Some("refused") => ("bad", "VeraCore refused it"),
        Some("unknown") => ("warn", "The answer was lost: VeraCore may have it"),
        Some(_) => ("warn", "It failed"),
        None => {
            let sent = Step {
                kind: "warn",
                ..sent
            };
            return vec![sent.because(Some("No answer is known (yet).".into()))];
        }
    };
    let ended = attempt.ended_at.unwrap_or(attempt.started_at);
    vec![sent, Step::new(ended, kind, what).because(why(attempt))]
}

/// Of a failure: its kind, and the message.
fn why(attempt: &Attempt) -> Option<String> {
    match (&attempt.category, &attempt.message) {
        (Some(category), Some(message)) => Some(format!("{category}: {message}")),
        (None, None) => None,
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

fn of_package(package: &RecordedShipment) -> Vec<Step> {
    let told = &package.told;
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
    let mut steps =
        vec![Step::new(package.first_seen_at, kind, what).because(package.message.clone())];
    if let Some(at) = package.fulfilled_at {
        let fulfillment = package.fulfillment.as_ref();
        let id = fulfillment.map_or_else(String::new, |id| format!(" {id}"));
        steps.push(Step::new(
            at,
            "good",
            format!("Fulfillment{id} was made in Vendure"),
        ));
    }
    steps
}

/// What attempts and packages do not tell already.
fn of_event(event: &OrderEvent) -> Option<Step> {
    let (kind, what) = match event.event_type.as_str() {
        "order.failed" => ("bad", "It needs a person now"),
        "order.cancelled" => ("dim", "Cancelled"),
        _ => return None,
    };
    let message = event.data.get("message").and_then(|m| m.as_str());
    Some(Step::new(event.occurred_at, kind, what).because(message.map(str::to_owned)))
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
        let steps = of_attempt(attempt);
        let step = |step: Step| (step.kind, step.what, step.at.timestamp());
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
        let refused = of_attempt(&attempt("send", Some("refused"), 1));
        assert_eq!(refused[1].detail.as_deref(), Some("validation"));
        assert_eq!(
            told(&attempt("look_up", Some("missing"), 7))[0].1,
            "VeraCore was asked, and does not have it"
        );
        assert_eq!(told(&attempt("later_word", None, 7))[0].0, "dim");
    }
}
