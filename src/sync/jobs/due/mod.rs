//! What is to be done about a job now, given its calendar and what the ledger knows.
//!
//! Owns the rules about occurrences that were missed and runs whose runner died. Pure: must not
//! look at a clock or call anybody.

use chrono::{DateTime, TimeDelta, Utc};

use super::{calendar::Calendar, job::Job};
use crate::ledger::{LatestOccurrence, OccurrenceState};

/// An occurrence that is begun later than this was missed, and is made up.
pub const MISSED_AFTER: TimeDelta = TimeDelta::minutes(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueAction {
    Nothing,
    /// This occurrence is to be claimed and run. Runs that are unfinished are overtaken by it.
    Run {
        scheduled_for: DateTime<Utc>,
        is_missed: bool,
    },
    /// The latest run is unfinished, and is to be taken up again.
    Restart(LatestOccurrence),
    /// The latest run is unfinished, and stays so.
    Abandon {
        latest: LatestOccurrence,
        reason: &'static str,
    },
}

/// Decides, for a caller who holds the job's lease: an unfinished run belongs to a process that
/// died.
///
/// Of the occurrences that were missed only the newest is made up, and only if this installation
/// had been started by then; tracking is made up and taken up only inside business hours.
pub fn due_action(
    calendar: &Calendar,
    job: Job,
    now: DateTime<Utc>,
    known: &OccurrenceState,
) -> DueAction {
    let may_catch_up = job.catches_up_at_any_hour() || calendar.is_in_business_hours(now);
    if let Some(scheduled_for) = calendar.last_at_or_before(job, now)
        && known
            .latest
            .is_none_or(|latest| latest.scheduled_for < scheduled_for)
    {
        let is_missed = now - scheduled_for > MISSED_AFTER;
        let counts =
            job.is_due_before_install() || was_installed_by(scheduled_for, is_missed, now, known);
        if counts && (may_catch_up || !is_missed) {
            return DueAction::Run {
                scheduled_for,
                is_missed,
            };
        }
    }
    match known.latest {
        Some(latest) if !latest.has_ended => {
            if !job.may_restart(latest.run.starts()) {
                let reason = "it did not finish after the maximum number of starts";
                DueAction::Abandon { latest, reason }
            } else if may_catch_up {
                DueAction::Restart(latest)
            } else {
                let reason = "it did not finish before the end of business hours";
                DueAction::Abandon { latest, reason }
            }
        }
        _ => DueAction::Nothing,
    }
}

/// Whether this installation had been started when the occurrence's time came.
fn was_installed_by(
    scheduled_for: DateTime<Utc>,
    is_missed: bool,
    now: DateTime<Utc>,
    known: &OccurrenceState,
) -> bool {
    match known.first_started_at {
        Some(first) if first <= now => scheduled_for >= first,
        // Never, or in the future, before the clock was set back: nobody knows what was missed.
        _ => !is_missed,
    }
}

#[cfg(test)]
mod tests;
