//! The days of each page of the shipments list.
//!
//! Neither the time zone of the days nor whether the last day is included is documented. The pages
//! overlap, so that they leave no gap in either case.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::{domain::OrderCode, fulfillment::PageCursor};

/// Days of one page.
const PAGE_DAYS: Days = Days::new(3);

/// The first and last day of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateRange {
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// The last order of the previous page, if that had the same days.
    pub after: Option<OrderCode>,
    is_last: bool,
}

impl DateRange {
    /// The range of `page`, or the first one: it starts a day before `since`, because clocks and zones
    /// differ. `None` for an invalid cursor.
    pub(super) fn new(
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
        now: DateTime<Utc>,
        zone: Tz,
    ) -> Option<Self> {
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let end = day(now).checked_add_days(Days::new(1))?;
        let (from, after) = match page {
            None => (day(since).checked_sub_days(Days::new(1))?, None),
            Some(page) => match page.as_str().split_once(' ') {
                None => (page.as_str().parse().ok()?, None),
                Some((from, order)) => (from.parse().ok()?, Some(OrderCode::parse(order).ok()?)),
            },
        };
        let from = from.min(end);
        let to = from.checked_add_days(PAGE_DAYS)?;
        Some(Self {
            from,
            to: to.min(end),
            after,
            is_last: to >= end,
        })
    }

    /// The cursor of more orders of the same days.
    pub(super) fn page_after(&self, after: &OrderCode) -> PageCursor {
        PageCursor::new(format!("{} {after}", self.from))
    }

    /// The cursor of the next days. They begin with this range's last day, which may not have counted.
    pub(super) fn next_page(&self) -> Option<PageCursor> {
        (!self.is_last).then(|| PageCursor::new(self.to.to_string()))
    }
}

/// The start of a day, in XML.
pub(super) fn day_start(day: NaiveDate) -> String {
    format!("{day}T00:00:00")
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Los_Angeles;

    use super::*;

    fn pages(since: &str, now: &str) -> Vec<String> {
        let (since, now) = (since.parse().unwrap(), now.parse().unwrap());
        let mut pages = Vec::new();
        let mut page = None;
        loop {
            let range = DateRange::new(since, page.as_ref(), now, Los_Angeles).unwrap();
            pages.push(format!("{}..{}", range.from, range.to));
            page = range.next_page();
            if page.is_none() || pages.len() > 50 {
                return pages;
            }
        }
    }

    #[test]
    fn pages_meet_and_end_tomorrow() {
        assert_eq!(
            pages("2026-11-14T06:00:00Z", "2026-11-21T10:00:00Z"),
            [
                "2026-11-12..2026-11-15",
                "2026-11-15..2026-11-18",
                "2026-11-18..2026-11-21",
                "2026-11-21..2026-11-22",
            ]
        );
        assert_eq!(
            pages("2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"),
            ["2026-11-20..2026-11-22"]
        );
        // The clock was ahead.
        assert_eq!(
            pages("2027-01-01T00:00:00Z", "2026-11-21T10:00:00Z"),
            ["2026-11-22..2026-11-22"]
        );
    }

    #[test]
    fn foreign_cursors_are_refused() {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        let page = PageCursor::new("https://v.example/2");
        assert_eq!(DateRange::new(now, Some(&page), now, Los_Angeles), None);
        let page = PageCursor::new("+99999-01-01");
        assert!(DateRange::new(now, Some(&page), now, Los_Angeles).is_some());
    }
}
