//! The header `Retry-After`, in both of its forms.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The longest accepted delay; a longer one is a mistake of the sender.
const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);

/// Reads seconds or an HTTP date (RFC 9110, 10.2.3) relative to `now`; `None` for anything else.
pub(super) fn parse(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = value.parse::<u64>().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_DELAY));
    }
    let at = DateTime::parse_from_rfc2822(value)
        .ok()?
        .with_timezone(&Utc);
    Some((at - now).to_std().unwrap_or(Duration::ZERO).min(MAX_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        let parsed = |value: &str| parse(value, now).map(|d| d.as_secs());
        assert_eq!(parsed(" 120 "), Some(120));
        assert_eq!(parsed("Sat, 21 Nov 2026 10:01:30 GMT"), Some(90));
        assert_eq!(parsed("Sat, 21 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!(parsed("99999999999999999999999"), Some(86_400));
        assert_eq!(parsed("soon"), None);
        assert_eq!(parsed("-5"), None);
        assert_eq!(parsed(""), None);
    }
}
