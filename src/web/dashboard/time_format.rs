//! Times for people: relative, with the exact local time. Pure.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

/// The current time and the reader's time zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeFormat {
    pub now: DateTime<Utc>,
    pub zone: Tz,
}

impl TimeFormat {
    /// A `<time>` element: relative, with the exact time on hover and for scripts. Safe HTML.
    pub(super) fn time_tag(&self, at: DateTime<Utc>) -> String {
        format!(
            "<time datetime=\"{}\" title=\"{}\">{}</time>",
            at.to_rfc3339_opts(SecondsFormat::Secs, true),
            self.exact(at),
            relative(at - self.now)
        )
    }

    pub(super) fn time_tag_or_dash(&self, at: Option<DateTime<Utc>>) -> String {
        at.map_or_else(|| "–".into(), |at| self.time_tag(at))
    }

    /// Local time with the zone's abbreviation: `Tue 24 Nov 2026, 14:03:05 PST`.
    pub(super) fn exact(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        local.format("%a %-d %b %Y, %H:%M:%S %Z").to_string()
    }

    /// The local day and minute: `Tue 24 Nov, 14:03`.
    pub(super) fn short(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        local.format("%a %-d %b, %H:%M").to_string()
    }
}

/// `3 min ago`, `in 2 h`. `assets/app.js` does the same on open pages.
fn relative(from_now: TimeDelta) -> String {
    let seconds = from_now.num_seconds();
    if seconds.abs() < 5 {
        return "now".into();
    }
    let span = duration_text(from_now.abs());
    if seconds < 0 {
        format!("{span} ago")
    } else {
        format!("in {span}")
    }
}

/// A span in its largest unit: `12 s`, `3 min`, `5 h`, `2 days`.
pub(super) fn duration_text(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_for_people() {
        let now: DateTime<Utc> = "2026-11-25T22:03:05Z".parse().unwrap();
        let times = TimeFormat {
            now,
            zone: chrono_tz::America::Los_Angeles,
        };
        let text = |seconds| relative(TimeDelta::seconds(seconds));
        assert_eq!(text(0), "now");
        assert_eq!(text(-4), "now");
        assert_eq!(text(-59), "59 s ago");
        assert_eq!(text(60), "in 1 min");
        assert_eq!(text(-7200), "2 h ago");
        assert_eq!(text(-172_800), "2 days ago");
        assert_eq!(
            times.time_tag(now - TimeDelta::minutes(3)),
            "<time datetime=\"2026-11-25T22:00:05Z\" title=\"Wed 25 Nov 2026, 14:00:05 PST\">3 min ago</time>"
        );
        assert_eq!(times.short(now), "Wed 25 Nov, 14:03");
    }
}
