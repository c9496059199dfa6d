//! What is to be done about a job now, given its calendar and what the ledger knows.
//!
//! Owns the rules about occurrences that were missed and runs whose runner died. Pure: must not
//! look at a clock or call anybody.

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::{Calendar, Job};

/// An occurrence that is begun later than this was missed, and is made up.
pub const MISSED_AFTER: TimeDelta = TimeDelta::minutes(2);

/// How often an occurrence is started, when it does not come to its end: whoever runs it dies or is
/// told to stop, or an end does not answer.
pub const MAX_STARTS: u32 = 10;

/// What the ledger knows about a job's schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OccurrenceHistory {
    /// When this installation was first started.
    pub first_started_at: Option<DateTime<Utc>>,
    /// The latest occurrence that was claimed, of those that are not in the future: after the
    /// clock was set back, later ones say nothing about now.
    pub latest: Option<LatestRun>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestRun {
    pub scheduled_for: DateTime<Utc>,
    pub has_ended: bool,
    pub starts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueAction {
    Nothing,
    /// This occurrence is to be claimed and run. Runs that are unfinished are overtaken by it.
    Run {
        scheduled_for: DateTime<Utc>,
        /// It was missed, and is made up.
        late: bool,
    },
    /// The latest run is unfinished, and is to be taken up again.
    Restart,
    /// The latest run is unfinished, and stays so.
    Abandon {
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
    known: &OccurrenceHistory,
) -> DueAction {
    let may_be_late = match job {
        Job::Inventory => true,
        Job::Tracking => calendar.is_in_business_hours(now),
    };
    if let Some(scheduled_for) = calendar.last_at_or_before(job, now)
        && known
            .latest
            .is_none_or(|latest| latest.scheduled_for < scheduled_for)
    {
        let late = now - scheduled_for > MISSED_AFTER;
        if was_installed_by(scheduled_for, late, now, known) && (may_be_late || !late) {
            return DueAction::Run {
                scheduled_for,
                late,
            };
        }
    }
    match known.latest {
        Some(latest) if !latest.has_ended => {
            if latest.starts >= MAX_STARTS {
                let why = "it did not come to its end, as often as it was started";
                DueAction::Abandon { reason: why }
            } else if may_be_late {
                DueAction::Restart
            } else {
                let why = "it did not come to its end, and business hours are over";
                DueAction::Abandon { reason: why }
            }
        }
        _ => DueAction::Nothing,
    }
}

/// Whether this installation had been started when the occurrence's time came.
fn was_installed_by(
    scheduled_for: DateTime<Utc>,
    late: bool,
    now: DateTime<Utc>,
    known: &OccurrenceHistory,
) -> bool {
    match known.first_started_at {
        Some(first) if first <= now => scheduled_for >= first,
        // Never, or in the future, before the clock was set back: nobody knows what was missed.
        _ => !late,
    }
}

#[cfg(test)]
mod tests;
