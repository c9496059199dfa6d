//! What is made up, what is taken up again and what is left, case by case.

use chrono::NaiveTime;
use chrono_tz::America::Los_Angeles;

use super::{super::calendar::CalendarSettings, *};
use crate::ledger::RunId;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Inventory at 02:00 (09:00 UTC in June), tracking from 09:00 to 19:00 (16:00 to 02:00 UTC).
fn calendar() -> Calendar {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Calendar::new(CalendarSettings {
        timezone: Los_Angeles,
        inventory_time: time(2),
        inventory_interval_minutes: 1440,
        tracking_interval_minutes: 30,
        business_opens_at: time(9),
        business_closes_at: time(19),
        business_days: vec![chrono::Weekday::Mon, chrono::Weekday::Tue],
    })
}

fn latest_run((at, has_ended, starts): (&str, bool, u32)) -> LatestOccurrence {
    LatestOccurrence {
        run: RunId::new(7, starts.cast_signed()),
        scheduled_for: utc(at),
        has_ended,
    }
}

fn known(latest: Option<(&str, bool, u32)>) -> OccurrenceState {
    OccurrenceState {
        first_started_at: Some(utc("2026-05-01T00:00:00Z")),
        latest: latest.map(latest_run),
    }
}

fn due(job: Job, now: &str, latest: Option<(&str, bool, u32)>) -> DueAction {
    due_action(&calendar(), job, utc(now), &known(latest))
}

fn run(at: &str, is_missed: bool) -> DueAction {
    DueAction::Run {
        scheduled_for: utc(at),
        is_missed,
    }
}

const MONDAY: &str = "2026-06-01T09:00:00Z";
const TUESDAY: &str = "2026-06-02T09:00:00Z";

#[test]
fn each_occurrence_is_run_once() {
    let yesterday = Some((MONDAY, true, 1));
    let inventory = |now, latest| due(Job::Inventory, now, latest);
    assert_eq!(
        inventory("2026-06-02T08:59:59Z", yesterday),
        DueAction::Nothing
    );
    assert_eq!(inventory(TUESDAY, yesterday), run(TUESDAY, false));
    assert_eq!(
        inventory("2026-06-02T09:02:00Z", yesterday),
        run(TUESDAY, false)
    );
    assert_eq!(
        inventory("2026-06-02T09:02:01Z", yesterday),
        run(TUESDAY, true)
    );
    assert_eq!(
        inventory(TUESDAY, Some((TUESDAY, true, 1))),
        DueAction::Nothing
    );
    // A time of day that was set to an earlier one is no occurrence that was missed.
    let later = Some(("2026-06-02T10:00:00Z", true, 1));
    assert_eq!(inventory("2026-06-02T11:00:00Z", later), DueAction::Nothing);
}

#[test]
fn only_the_newest_of_the_missed_is_made_up() {
    let long_ago = Some(("2026-05-20T09:00:00Z", true, 1));
    assert_eq!(
        due(Job::Inventory, "2026-06-02T14:00:00Z", long_ago),
        run(TUESDAY, true)
    );
    let tracking = |now, latest| due(Job::Tracking, now, latest);
    let noon = "2026-06-02T19:10:00Z";
    assert_eq!(tracking(noon, long_ago), run("2026-06-02T19:00:00Z", true));
}

#[test]
fn tracking_is_made_up_inside_business_hours_only() {
    let long_ago = Some(("2026-05-20T20:00:00Z", true, 1));
    let tracking = |now| due(Job::Tracking, now, long_ago);
    assert_eq!(
        tracking("2026-06-03T02:01:00Z"),
        run("2026-06-03T02:00:00Z", false)
    );
    assert_eq!(
        tracking("2026-06-03T02:05:00Z"),
        DueAction::Nothing,
        "19:05"
    );
    assert_eq!(
        tracking("2026-06-03T20:00:00Z"),
        DueAction::Nothing,
        "a Wednesday"
    );
    assert_eq!(
        tracking("2026-06-02T15:59:00Z"),
        DueAction::Nothing,
        "08:59"
    );
}

#[test]
fn what_was_before_the_first_start_was_not_missed() {
    let at = |first: Option<&str>, now| {
        let known = OccurrenceState {
            first_started_at: first.map(utc),
            latest: None,
        };
        due_action(&calendar(), Job::Inventory, utc(now), &known)
    };
    let first = Some("2026-06-02T09:00:30Z");
    assert_eq!(at(first, "2026-06-02T09:01:00Z"), DueAction::Nothing);
    assert_eq!(at(first, "2026-06-02T20:00:00Z"), DueAction::Nothing);
    assert_eq!(
        at(first, "2026-06-03T20:00:00Z"),
        run("2026-06-03T09:00:00Z", true)
    );
    assert_eq!(at(Some(TUESDAY), TUESDAY), run(TUESDAY, false));
    // First started while the clock was a year ahead.
    let ahead = Some("2027-06-02T09:00:00Z");
    assert_eq!(at(ahead, "2026-06-02T20:00:00Z"), DueAction::Nothing);
    assert_eq!(at(ahead, TUESDAY), run(TUESDAY, false));
    assert_eq!(at(None, "2026-06-02T20:00:00Z"), DueAction::Nothing);
}

#[test]
fn a_run_that_does_not_come_to_its_end_is_taken_up_so_often_and_then_given_up() {
    let inventory = |starts| {
        due(
            Job::Inventory,
            "2026-06-02T12:00:00Z",
            Some((TUESDAY, false, starts)),
        )
    };
    let restart = |at, starts| DueAction::Restart(latest_run((at, false, starts)));
    assert_eq!(inventory(1), restart(TUESDAY, 1));
    let most = Job::Inventory.max_starts().unwrap();
    assert_eq!(inventory(most - 1), restart(TUESDAY, most - 1));
    assert!(matches!(inventory(most), DueAction::Abandon { .. }));
    let last = "2026-06-03T02:00:00Z";
    let tracking = |now| due(Job::Tracking, now, Some((last, false, 1)));
    assert_eq!(tracking("2026-06-03T02:00:50Z"), restart(last, 1));
    assert!(matches!(
        tracking("2026-06-03T02:01:00Z"),
        DueAction::Abandon { .. }
    ));
}

#[test]
fn a_newer_occurrence_overtakes_a_dead_run() {
    let dead = Some((MONDAY, false, 1));
    assert_eq!(
        due(Job::Inventory, "2026-06-02T12:00:00Z", dead),
        run(TUESDAY, true)
    );
    // Unless the newer one is not to be made up either.
    let dead = Some(("2026-06-02T20:00:00Z", false, 1));
    assert!(matches!(
        due(Job::Tracking, "2026-06-03T05:00:00Z", dead),
        DueAction::Abandon { .. }
    ));
}

#[test]
fn maintenance_is_due_on_the_first_day_and_restarts_without_limit() {
    let midnight = "2026-06-02T00:00:00Z";
    let first_start = OccurrenceState {
        first_started_at: Some(utc("2026-06-02T12:00:00Z")),
        latest: None,
    };
    let on_first_day =
        |job| due_action(&calendar(), job, utc("2026-06-02T20:00:00Z"), &first_start);
    assert_eq!(on_first_day(Job::Maintenance), run(midnight, true));
    assert_eq!(on_first_day(Job::Reconcile), DueAction::Nothing);
    let often = (midnight, false, 1000);
    assert_eq!(
        due(Job::Maintenance, "2026-06-02T20:00:00Z", Some(often)),
        DueAction::Restart(latest_run(often))
    );
}

#[test]
fn reconciliation_catches_up_at_any_hour() {
    let four = "2026-06-02T11:00:00Z";
    let yesterday = Some(("2026-06-01T11:00:00Z", true, 1));
    let evening = "2026-06-03T05:00:00Z";
    assert_eq!(due(Job::Reconcile, evening, yesterday), run(four, true));
    let dead = (four, false, 1);
    assert_eq!(
        due(Job::Reconcile, evening, Some(dead)),
        DueAction::Restart(latest_run(dead))
    );
}
