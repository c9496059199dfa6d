//! Bar charts as inline SVG. Pure.

use std::fmt::Write as _;

use chrono::TimeDelta;

use super::time_format::{TimeFormat, duration_text};
use crate::ledger::HourlyOrders;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 72;

/// Orders accepted by VeraCore per hour.
pub(super) fn throughput(hours: &[HourlyOrders], times: &TimeFormat) -> String {
    let numbers: Vec<u64> = hours.iter().map(|hour| hour.acknowledged).collect();
    let sum: u64 = numbers.iter().sum();
    let most = numbers.iter().max().copied().unwrap_or(0);
    let label =
        format!("VeraCore accepted {sum} orders in the last 24 hours, at most {most} in one hour.");
    bar_chart(hours, &numbers, &label, times, |orders| {
        format!("{orders} orders")
    })
}

/// The age of the oldest waiting order per hour.
pub(super) fn oldest_wait(hours: &[HourlyOrders], times: &TimeFormat) -> String {
    let seconds = |wait: TimeDelta| u64::try_from(wait.num_seconds()).unwrap_or(0);
    let numbers: Vec<u64> = hours.iter().map(|hour| seconds(hour.oldest_wait)).collect();
    let text =
        |seconds: u64| duration_text(TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0)));
    let most = numbers.iter().max().copied().unwrap_or(0);
    let label = format!(
        "In the last 24 hours, the oldest waiting order waited for up to {}.",
        text(most)
    );
    bar_chart(hours, &numbers, &label, times, |seconds| {
        format!("oldest order waited for {}", text(seconds))
    })
}

fn bar_chart(
    hours: &[HourlyOrders],
    numbers: &[u64],
    label: &str,
    times: &TimeFormat,
    describe: impl Fn(u64) -> String,
) -> String {
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\" preserveAspectRatio=\"none\">"
    );
    let count = u32::try_from(numbers.len().max(1)).unwrap_or(1);
    let step = WIDTH / count;
    let most = numbers.iter().max().copied().unwrap_or(0).max(1);
    for (n, (hour, number)) in (0..).zip(hours.iter().zip(numbers)) {
        // A small number stays visible.
        let share = number.saturating_mul(u64::from(HEIGHT)) / most;
        let height = u32::try_from(share).unwrap_or(HEIGHT);
        let height = if *number == 0 { 1 } else { height.max(3) };
        let kind = if *number == 0 { "none" } else { "some" };
        let _ = write!(
            svg,
            "<rect class=\"{kind}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>{} to {}: {}</title></rect>",
            n * step,
            HEIGHT - height,
            step.saturating_sub(3).max(1),
            times.short(hour.ends_at - TimeDelta::hours(1)),
            times.short(hour.ends_at),
            describe(*number)
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_drawn_and_labelled() {
        let now: chrono::DateTime<chrono::Utc> = "2026-11-25T22:00:00Z".parse().unwrap();
        let times = TimeFormat {
            now,
            zone: chrono_tz::UTC,
        };
        let hours: Vec<HourlyOrders> = (0..24)
            .map(|n| HourlyOrders {
                ends_at: now - TimeDelta::hours(23 - n),
                acknowledged: if n == 23 { 7 } else { u64::from(n == 3) },
                oldest_wait: TimeDelta::minutes(n),
            })
            .collect();
        let drawn = throughput(&hours, &times);
        assert!(drawn.contains("aria-label=\"VeraCore accepted 8 orders in the last 24 hours, at most 7 in one hour.\""), "{drawn}");
        assert!(drawn.contains("<title>Wed 25 Nov, 21:00 to Wed 25 Nov, 22:00: 7 orders</title>"));
        assert_eq!(drawn.matches("<rect").count(), 24);
        assert!(oldest_wait(&hours, &times).contains("waited for up to 23 min"));
        assert!(throughput(&[], &times).contains("0 orders"));
    }
}
