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
    steps.extend(attempts.iter().map(of_attempt));
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

fn of_attempt(attempt: &Attempt) -> Step {
    let outcome = attempt.outcome.as_deref();
    let (kind, what) = match (attempt.kind.as_str(), outcome) {
        ("read", Some("done")) => ("dim", "Read from Vendure"),
        ("read", _) => ("warn", "Could not be read from Vendure"),
        ("look_up", Some("found")) => ("good", "VeraCore was asked, and has it"),
        ("look_up", Some("missing")) => ("dim", "VeraCore was asked, and does not have it"),
        ("look_up", _) => ("warn", "VeraCore was asked, and gave no clear answer"),
        ("send", Some("accepted")) => ("good", "Sent; VeraCore acknowledged it"),
        ("send", Some("refused")) => ("bad", "Sent; VeraCore refused it"),
        ("send", None) => ("warn", "Sent; no answer is known (yet)"),
        ("send", Some("unknown")) => ("warn", "Sent; the answer was lost"),
        ("send", Some(_)) => ("warn", "Sent; it failed"),
        ("retry", _) => ("info", "A person asked for another try"),
        ("adopt", _) => (
            "info",
            "A person said that VeraCore's order of this number is it",
        ),
        ("skip", _) => ("info", "A person took it out"),
        ("backfill", _) => (
            "info",
            "A person asked for it to be sent although it is from before the first start",
        ),
        _ => ("dim", "Something else was tried"),
    };
    let category = attempt.category.as_deref();
    let detail = match (category, &attempt.message) {
        (Some(category), Some(message)) => Some(format!("{category}: {message}")),
        (None, Some(message)) => Some(message.clone()),
        (Some(category), None) => Some(category.to_owned()),
        (None, None) => None,
    };
    Step::new(attempt.started_at, kind, what).because(detail)
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
