//! The daemon's own reconciliation: once a night across replicas, when both ends may be called.

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::{DAYS, JOB, ReconcileError, Reconciliation};
use crate::{
    ledger::{LedgerError, RunId, RunOutcome},
    sync::{
        aftercare::note_words,
        daily::Occurrence,
        due::MOST_STARTS,
        passes::{Report, unwatched},
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
    let now = service.orders.clock.now();
    let Some(at) = on_day_of(now, service.settings.timezone) else {
        return Ok(false);
    };
    let tonight = Occurrence {
        job: JOB,
        at,
        on_first_day: false,
        most_starts: MOST_STARTS,
    };
    if !upstreams.are_closed() {
        return Ok(false);
    }
    let ledger = &service.orders.ledger;
    tonight
        .run_if_due(ledger, now, async |run| compare(service, run).await)
        .await
}

async fn compare(service: &Reconciliation, run: RunId) -> Report {
    let nobody = unwatched();
    // It only reads: it may be left anywhere.
    let outcome = tokio::select! {
        () = service.orders.tasks.stopped() => Err(ReconcileError::Stopped),
        outcome = service.pass(DAYS, &nobody) => outcome,
    };
    if let Ok(summary) = &outcome
        && let Err(error) = note_words(&service.orders.ledger, &summary.words).await
    {
        tracing::warn!(%error, "VeraCore: what it cancelled could not be noted; the next night asks again");
    }
    if let Err(error) = &outcome
        && error.may_pass()
        && run.starts() < MOST_STARTS
    {
        tracing::info!(%error, "VeraCore: the nightly reconciliation is broken off, to be taken up again");
        return Report::unfinished();
    }
    let report = Reconciliation::report(&outcome);
    if report.outcome == Some(RunOutcome::Failed) {
        // Only a warning: nothing is carried by this, and the next night compares again.
        tracing::warn!(
            error = report.message,
            "VeraCore: the nightly reconciliation failed; `veracore-sync reconcile` makes it anew, and so does the next night"
        );
    }
    report
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
