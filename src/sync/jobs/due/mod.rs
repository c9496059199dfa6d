//! Decides whether a job is due, from its calendar and its latest run.
//!
//! Owns the rules about missed occurrences and about runs whose process died. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::{calendar::Calendar, job::Job};
use crate::ledger::{LatestOccurrence, OccurrenceState};

/// An occurrence that starts later than this was missed.
const MISSED_AFTER: TimeDelta = TimeDelta::minutes(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueAction {
    Nothing,
    /// Claim and run this occurrence. It supersedes unfinished runs.
    Run {
        scheduled_for: DateTime<Utc>,
        is_missed: bool,
    },
    Restart(LatestOccurrence),
    /// Record the latest run, which is unfinished, as failed.
    Abandon {
        latest: LatestOccurrence,
        reason: &'static str,
    },
}

/// Decides for a caller that holds the job's lease: an unfinished run belongs to a dead process.
///
/// Of the missed occurrences only the newest is made up, and only if it is later than the first
/// start of this installation. Tracking catches up and restarts only in business hours.
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
        let is_eligible = job.is_due_before_install()
            || is_after_first_start(scheduled_for, is_missed, now, known);
        if is_eligible && (may_catch_up || !is_missed) {
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

/// True if the occurrence is later than the first start of this installation.
fn is_after_first_start(
    scheduled_for: DateTime<Utc>,
    is_missed: bool,
    now: DateTime<Utc>,
    known: &OccurrenceState,
) -> bool {
    match known.first_started_at {
        Some(first) if first <= now => scheduled_for >= first,
        // Unknown, or in the future since the clock was set back: nothing counts as missed.
        _ => !is_missed,
    }
}

#[cfg(test)]
mod tests;
