//! The daemon's own reconciliation: once a night across replicas, when both ends may be called.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::{DAYS, JOB, ReconcileError, Reconciliation};
use crate::{
    ledger::{Held, LedgerError, Origin, RunId, RunOutcome},
    sync::{
        due::MOST_STARTS,
        holding,
        inventory::OnProgress,
        passes::{HOLD, Report},
        upstreams::Upstreams,
    },
};

/// When the shop and the warehouse sleep, and the stock of 02:00 is done.
const HOUR: u32 = 4;

/// Compares the three if today's run is still to be made; see [`HOUR`]. One that was missed while
/// nothing ran is made up at the next start, and one that was broken off is taken up again. Returns
/// whether it ran.
///
/// # Errors
/// When the database does not answer.
pub async fn reconcile_if_due(
    service: &Reconciliation,
    upstreams: &Upstreams,
) -> Result<bool, LedgerError> {
    // A look without the hold first: it would be in the way of a person's run every minute.
    if due(service).await?.is_none() || !upstreams.are_closed() {
        return Ok(false);
    }
    let ledger = &service.orders.ledger;
    let Some(hold) = ledger.hold(&[Held::Job(JOB)], HOLD).await? else {
        return Ok(false);
    };
    let run = match due(service).await? {
        Some(Due::New(at)) => ledger.begin_run(JOB, at, Origin::Schedule).await?,
        Some(Due::BrokenOff(run)) => ledger.take_up_run(run).await?,
        None => None,
    };
    if let Some(run) = run {
        let why = "it did not come to its end, and the next night's was due";
        ledger.give_up_runs(JOB, Some(run), why).await?;
        let nobody: OnProgress = Arc::new(|_, _| {});
        let tasks = &service.orders.tasks;
        // It only reads: it may be left anywhere.
        let work = async {
            tokio::select! {
                () = tasks.stopped() => Err(ReconcileError::Stopped),
                outcome = service.pass(DAYS, &nobody) => outcome,
            }
        };
        match holding::keep(ledger, &hold, HOLD, work).await {
            // It stays unfinished, and is taken up again by a later tick.
            Some(Err(error)) if error.may_pass() && run.starts() < MOST_STARTS => {
                tracing::info!(%error, "VeraCore: the nightly reconciliation is broken off, to be taken up again");
            }
            Some(outcome) => {
                let report = Reconciliation::report(&outcome);
                record(service, run, &report).await?;
            }
            None => tracing::warn!(
                "VeraCore: the database was away for too long; the nightly reconciliation was dropped half-way"
            ),
        }
    }
    ledger.let_go(&hold).await?;
    Ok(run.is_some())
}

/// A run that is to be made.
enum Due {
    New(DateTime<Utc>),
    /// Of a process that died, or was told to stop.
    BrokenOff(RunId),
}

async fn due(service: &Reconciliation) -> Result<Option<Due>, LedgerError> {
    let now = service.orders.clock.now();
    let Some(at) = on_day_of(now, service.settings.timezone) else {
        return Ok(None);
    };
    let state = service.orders.ledger.occurrence_state(JOB, now).await?;
    if now < at || state.first_started_at.is_none_or(|started| started > at) {
        return Ok(None);
    }
    Ok(match state.latest {
        Some(latest) if latest.scheduled_for < at => Some(Due::New(at)),
        None => Some(Due::New(at)),
        Some(latest) => (!latest.ended && latest.run.starts() < MOST_STARTS)
            .then_some(Due::BrokenOff(latest.run)),
    })
}

/// When the daemon compares next.
#[must_use]
pub fn next_run(now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    (0..3)
        .filter_map(|days| on_day_of(now + TimeDelta::days(days), zone))
        .find(|at| *at > now)
}

/// When the run of the day is on which `now` falls in the zone. There is none on a day on which the
/// clocks leave that hour out.
fn on_day_of(now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let day = now.with_timezone(&zone).date_naive();
    let at = day.and_time(NaiveTime::from_hms_opt(HOUR, 0, 0)?);
    Some(
        zone.from_local_datetime(&at)
            .earliest()?
            .with_timezone(&Utc),
    )
}

/// A failure is only a warning: nothing is carried by this, and the next night compares again.
async fn record(service: &Reconciliation, run: RunId, report: &Report) -> Result<(), LedgerError> {
    let Some(outcome) = report.outcome else {
        return Ok(());
    };
    let message = report.message.as_deref();
    if outcome == RunOutcome::Failed {
        tracing::warn!(
            error = message,
            "VeraCore: the nightly reconciliation failed; `veracore-sync reconcile` makes it anew, and so does the next night"
        );
    }
    let ledger = &service.orders.ledger;
    ledger
        .end_run(run, outcome, &report.result, message)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Los_Angeles;

    use super::*;

    #[test]
    fn the_run_of_a_day_is_at_four_of_the_local_day() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let four = Some(at("2026-11-25T12:00:00Z"));
        for now in [
            "2026-11-25T08:00:00Z",
            "2026-11-25T12:00:00Z",
            // The UTC day is another one already.
            "2026-11-26T07:59:59Z",
        ] {
            assert_eq!(on_day_of(at(now), Los_Angeles), four, "{now}");
        }
        assert_eq!(next_run(at("2026-11-25T11:59:00Z"), Los_Angeles), four);
        assert_eq!(
            next_run(at("2026-11-25T12:00:00Z"), Los_Angeles),
            Some(at("2026-11-26T12:00:00Z"))
        );
        assert_eq!(
            on_day_of(at("2026-07-01T18:00:00Z"), Los_Angeles),
            Some(at("2026-07-01T11:00:00Z"))
        );
    }
}
