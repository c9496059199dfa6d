//! `schedule`: the next runs of each scheduled job, in local time and UTC.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;
use serde::Serialize;

use super::{
    args::parse_timestamp,
    context::CommandResult,
    output::Output,
    terminal::{Column, Terminal},
};
use crate::{
    app,
    clock::{Clock as _, SystemClock},
    config::Sources,
    sync::jobs::{Job, calendar::Calendar},
};

#[derive(Debug, Args)]
pub(super) struct ScheduleArgs {
    /// Start of the listing, such as 2026-03-08T00:00:00-08:00; default: now
    #[arg(long, value_name = "RFC3339", value_parser = parse_timestamp)]
    from: Option<DateTime<Utc>>,
    /// Length of the listing in days of 24 hours, 1 to 366
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
}

#[derive(Serialize)]
struct ScheduleReport {
    timezone: &'static str,
    occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
struct Occurrence {
    job: &'static str,
    /// RFC 3339 with the zone's offset.
    local: String,
    utc: String,
}

pub(super) async fn execute(sources: Sources, output: Output, args: ScheduleArgs) -> CommandResult {
    let (calendar, problem) = app::load_calendar(sources).await?;
    if let Some(problem) = problem {
        output.note(&format!(
            "the database could not be read, so its settings are left out: {problem}"
        ));
    }
    let from = args.from.unwrap_or_else(|| SystemClock.now());
    let schedule = upcoming(&calendar, from, TimeDelta::days(args.days.into()));
    output.print(&schedule, || describe(&schedule, output.terminal))
}

/// The occurrences from `from` until `length` later.
fn upcoming(calendar: &Calendar, from: DateTime<Utc>, length: TimeDelta) -> ScheduleReport {
    let until = from + length;
    let of = |job| {
        let occurrences = calendar.occurrences_from(job, from);
        occurrences
            .take_while(move |at| *at < until)
            .map(move |at| (at, job))
    };
    let mut all: Vec<(DateTime<Utc>, Job)> = Job::SYNC.into_iter().flat_map(of).collect();
    all.sort_unstable();
    let zone = calendar.timezone();
    ScheduleReport {
        timezone: zone.name(),
        occurrences: all
            .into_iter()
            .map(|(at, job)| Occurrence {
                job: job.label(),
                local: at.with_timezone(&zone).to_rfc3339(),
                utc: at.to_rfc3339_opts(SecondsFormat::Secs, true),
            })
            .collect(),
    }
}

fn describe(schedule: &ScheduleReport, screen: Terminal) -> String {
    let rows = schedule
        .occurrences
        .iter()
        .map(|run| [run.job.to_owned(), run.local.clone(), run.utc.clone()]);
    let mut text = format!("times of day in {}\n\n", schedule.timezone);
    let columns = [
        Column::Text("JOB"),
        Column::Key("LOCAL"),
        Column::Text("UTC"),
    ];
    text.push_str(&screen.table(&columns, rows));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz_tests::{assert_one_line, mutated_text};

    proptest! {
        #[test]
        fn moments_of_any_kind_are_taken_or_refused(text in mutated_text(&[
            "2026-03-08T00:00:00-08:00", "9999-12-31T23:59:60-23:59", "0000-01-01T00:00:00+23:59",
        ])) {
            match parse_timestamp(&text) {
                // The longest listing from there can still be computed.
                Ok(at) => prop_assert!(at.checked_add_signed(TimeDelta::days(366)).is_some()),
                Err(problem) => assert_one_line(&problem),
            }
        }
    }
}
