//! The daemon's own reconciliation: once a night across replicas, when both ends may be called.

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::{JOB, NEVER_SHIPPED_DAYS, ReconcileError, Reconciliation};
use crate::{
    ledger::{LedgerError, RunId, RunOutcome},
    sync::{
        jobs::daily::DailyOccurrence,
        jobs::due::MAX_STARTS,
        jobs::run_once::{RunReport, ignore_progress},
        post_send::record_provider_cancellations,
        upstreams::Upstreams,
    },
};

/// When the shop and the warehouse sleep, and the stock of 02:00 is done.
const RUN_HOUR: u32 = 4;

/// Compares the three if today's run is still to be made; see [`HOUR`]. One that was missed while
/// nothing ran is made up at the next start, and one that was broken off is taken up again. Returns
/// whether it ran.
pub async fn reconcile_if_due(
    service: &Reconciliation,
    upstreams: &Upstreams,
) -> Result<bool, LedgerError> {
    let now = service.orders.clock.now();
    let Some(at) = run_time_on_day(now, service.settings.timezone) else {
        return Ok(false);
    };
    let tonight = DailyOccurrence {
        job: JOB,
        at,
        runs_on_first_day: false,
        max_starts: MAX_STARTS,
    };
    if !upstreams.are_available() {
        return Ok(false);
    }
    let ledger = &service.orders.ledger;
    tonight
        .run_if_due(ledger, now, async |run| run_nightly(service, run).await)
        .await
}

async fn run_nightly(service: &Reconciliation, run: RunId) -> RunReport {
    let nobody = ignore_progress();
    // It only reads: it may be left anywhere.
    let outcome = tokio::select! {
        () = service.orders.tasks.wait_for_stop() => Err(ReconcileError::Stopped),
        outcome = service.run(NEVER_SHIPPED_DAYS, &nobody) => outcome,
    };
    if let Ok(summary) = &outcome
        && let Err(error) =
            record_provider_cancellations(&service.orders.ledger, &summary.veracore_statuses).await
    {
        tracing::warn!(%error, "VeraCore: what it cancelled could not be noted; the next night asks again");
    }
    if let Err(error) = &outcome
        && error.is_transient()
        && run.starts() < MAX_STARTS
    {
        tracing::info!(%error, "VeraCore: the nightly reconciliation is broken off, to be taken up again");
        return RunReport::unfinished();
    }
    let report = Reconciliation::run_report(&outcome);
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
pub fn next_run(now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    (0..3)
        .filter_map(|days| run_time_on_day(now + TimeDelta::days(days), zone))
        .find(|at| *at > now)
}

/// When the run of the day is on which `now` falls in the zone. There is none on a day on which the
/// clocks leave that hour out.
fn run_time_on_day(now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let day = now.with_timezone(&zone).date_naive();
    let at = day.and_time(NaiveTime::from_hms_opt(RUN_HOUR, 0, 0)?);
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
            assert_eq!(run_time_on_day(at(now), Los_Angeles), four, "{now}");
        }
        assert_eq!(next_run(at("2026-11-25T11:59:00Z"), Los_Angeles), four);
        assert_eq!(
            next_run(at("2026-11-25T12:00:00Z"), Los_Angeles),
            Some(at("2026-11-26T12:00:00Z"))
        );
        assert_eq!(
            run_time_on_day(at("2026-07-01T18:00:00Z"), Los_Angeles),
            Some(at("2026-07-01T11:00:00Z"))
        );
    }
}
