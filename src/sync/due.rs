//! What is to be done about a job now, given its calendar and what the ledger knows.
//!
//! Owns the rules about occurrences that were missed and runs whose runner died. Pure: must not
//! look at a clock or call anybody.

use chrono::{DateTime, TimeDelta, Utc};

use super::schedule::{Calendar, Job};

/// An occurrence that is begun later than this was missed, and is made up.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(2);

/// How often an occurrence is started, when it does not come to its end: whoever runs it dies or is
/// told to stop, or an end does not answer.
pub const MOST_STARTS: u32 = 10;

/// What the ledger knows about a job's schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// When this installation was first started.
    pub first_started_at: Option<DateTime<Utc>>,
    /// The latest occurrence that was claimed, of those that are not in the future: after the
    /// clock was set back, later ones say nothing about now.
    pub latest: Option<Latest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    pub scheduled_for: DateTime<Utc>,
    pub ended: bool,
    pub starts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// This occurrence is to be claimed and run. Runs that are unfinished are overtaken by it.
    Run {
        scheduled_for: DateTime<Utc>,
        /// It was missed, and is made up.
        late: bool,
    },
    /// The latest run is unfinished, and is to be taken up again.
    TakeUp,
    /// The latest run is unfinished, and stays so.
    GiveUp {
        why: &'static str,
    },
}

/// Decides, for a caller who holds the job's lease: an unfinished run belongs to a process that
/// died.
///
/// Of the occurrences that were missed only the newest is made up, and only if this installation
/// had been started by then; tracking is made up and taken up only inside business hours.
#[must_use]
pub fn decide(calendar: &Calendar, job: Job, now: DateTime<Utc>, known: &Known) -> Due {
    let may_be_late = match job {
        Job::Inventory => true,
        Job::Tracking => calendar.is_in_business_hours(now),
    };
    if let Some(scheduled_for) = calendar.last_at_or_before(job, now)
        && known
            .latest
            .is_none_or(|latest| latest.scheduled_for < scheduled_for)
    {
        let late = now - scheduled_for > ON_TIME;
        if ours(scheduled_for, late, now, known) && (may_be_late || !late) {
            return Due::Run {
                scheduled_for,
                late,
            };
        }
    }
    match known.latest {
        Some(latest) if !latest.ended => {
            if latest.starts >= MOST_STARTS {
                let why = "it did not come to its end, as often as it was started";
                Due::GiveUp { why }
            } else if may_be_late {
                Due::TakeUp
            } else {
                let why = "it did not come to its end, and business hours are over";
                Due::GiveUp { why }
            }
        }
        _ => Due::Nothing,
    }
}

/// Whether this installation had been started when the occurrence's time came.
fn ours(scheduled_for: DateTime<Utc>, late: bool, now: DateTime<Utc>, known: &Known) -> bool {
    match known.first_started_at {
        Some(first) if first <= now => scheduled_for >= first,
        // Never, or in the future, before the clock was set back: nobody knows what was missed.
        _ => !late,
    }
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
