//! Comparing the newest orders with those of the last poll. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{domain::ShopOrderId, vendure::OrderPage};

/// The age at which a full page is read again: an order that becomes ready while another leaves
/// changes neither the count nor, usually, the newest order.
const QUICK_CHECK_MAX_AGE: TimeDelta = TimeDelta::minutes(1);

/// The state between two polls.
#[derive(Debug, Clone, Default)]
pub struct DiscoveryState {
    newest: Option<NewestSnapshot>,
    /// The page size that Vendure accepts, if smaller than configured.
    pub(super) page_size: Option<u32>,
    /// The ledger is known to have a baseline.
    pub(super) baseline_known: bool,
}

#[derive(Debug, Clone)]
struct NewestSnapshot {
    read_at: DateTime<Utc>,
    first_id: Option<ShopOrderId>,
    total: u64,
    newest_placed_at: Option<DateTime<Utc>>,
    /// Orders placed after `newest_placed_at`: dated in the future.
    future_dated: usize,
}

impl NewestSnapshot {
    /// The number of orders on the page that were placed after `newest`.
    fn count_placed_after(newest: Option<DateTime<Utc>>, page: &OrderPage) -> usize {
        let beyond = page.orders.iter().filter(|order| order.placed_at > newest);
        beyond.count()
    }
}

impl DiscoveryState {
    /// More orders were added than the page shows as newly placed: older ones reached a trigger
    /// state, or there are more new ones than the page holds.
    pub(super) fn has_unexplained_orders(&self, page: &OrderPage) -> bool {
        let Some(seen) = &self.newest else {
            return true;
        };
        let newer = NewestSnapshot::count_placed_after(seen.newest_placed_at, page)
            .saturating_sub(seen.future_dated);
        page.total > seen.total.saturating_add(newer as u64)
    }

    /// True if the last full page is less than a minute old and the clock was not set back.
    pub(super) fn is_quick_check_enough(&self, now: DateTime<Utc>) -> bool {
        let at = self.newest.as_ref().map(|seen| seen.read_at);
        at.is_some_and(|at| at <= now && now - at < QUICK_CHECK_MAX_AGE)
    }

    /// A quick check shows the same as the last page.
    pub(super) fn is_unchanged(&self, quick_page: &OrderPage) -> bool {
        let first = quick_page.orders.first().map(|order| &order.id);
        self.newest
            .as_ref()
            .is_some_and(|seen| seen.total == quick_page.total && seen.first_id.as_ref() == first)
    }

    pub fn require_full_page(&mut self) {
        if let Some(seen) = &mut self.newest {
            seen.read_at = DateTime::<Utc>::MIN_UTC;
        }
    }

    pub(super) fn record_page(&mut self, page: &OrderPage, now: DateTime<Utc>) {
        // A date in the future would hide orders placed before it.
        let past = page
            .orders
            .iter()
            .filter_map(|order| order.placed_at)
            .filter(|at| *at <= now);
        // Orders leave: keep the newest date ever seen.
        let newest = past
            .max()
            .max(self.newest.as_ref().and_then(|seen| seen.newest_placed_at));
        self.newest = Some(NewestSnapshot {
            read_at: now,
            first_id: page.orders.first().map(|order| order.id.clone()),
            total: page.total,
            newest_placed_at: newest,
            future_dated: NewestSnapshot::count_placed_after(newest, page),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OrderRef;

    fn order(id: u32, placed_second: Option<i64>) -> OrderRef {
        OrderRef {
            id: crate::domain::ShopOrderId::parse(id.to_string()).unwrap(),
            code: crate::domain::OrderCode::parse(format!("C{id}")).unwrap(),
            state: crate::domain::OrderState::parse("PaymentSettled").unwrap(),
            created_at: DateTime::from_timestamp(0, 0),
            placed_at: placed_second.and_then(|s| DateTime::from_timestamp(s, 0)),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1000, 0).unwrap()
    }

    fn page(total: u64, orders: Vec<OrderRef>) -> OrderPage {
        OrderPage {
            total,
            len: orders.len(),
            orders,
            unreadable: vec![],
            last_created_at: None,
        }
    }

    #[test]
    fn a_change_that_the_newest_page_explains_needs_no_sweep() {
        let mut watch = DiscoveryState::default();
        assert!(
            watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])),
            "nothing was seen yet"
        );
        watch.record_page(&page(1, vec![order(1, Some(10))]), now());
        assert!(!watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])));
        assert!(
            !watch.has_unexplained_orders(&page(2, vec![order(2, Some(11)), order(1, Some(10))]))
        );
        // Orders that left explain themselves.
        assert!(!watch.has_unexplained_orders(&page(0, vec![])));
    }

    #[test]
    fn an_old_order_that_became_ready_is_swept_for() {
        let mut watch = DiscoveryState::default();
        watch.record_page(&page(60, vec![order(1, Some(10))]), now());
        // The page is the same, but one more order is in a trigger state.
        assert!(watch.has_unexplained_orders(&page(61, vec![order(1, Some(10))])));
        // One more, placed never (Vendure issue 4686).
        assert!(watch.has_unexplained_orders(&page(61, vec![order(2, None), order(1, Some(10))])));
        // Two more, of which the page shows one.
        assert!(
            watch.has_unexplained_orders(&page(62, vec![order(3, Some(12)), order(1, Some(10))]))
        );
    }

    #[test]
    fn orders_that_left_do_not_lower_the_mark() {
        let mut watch = DiscoveryState::default();
        watch.record_page(
            &page(2, vec![order(2, Some(20)), order(1, Some(10))]),
            now(),
        );
        watch.record_page(&page(1, vec![order(1, Some(10))]), now());
        assert!(
            watch.has_unexplained_orders(&page(2, vec![order(3, Some(15)), order(1, Some(10))]))
        );
    }

    #[test]
    fn an_order_from_the_future_hides_none_that_follows() {
        let mut watch = DiscoveryState::default();
        watch.record_page(&page(1, vec![order(1, Some(5000))]), now());
        watch.record_page(
            &page(2, vec![order(1, Some(5000)), order(2, Some(10))]),
            now(),
        );
        assert!(
            !watch.has_unexplained_orders(&page(3, vec![order(1, Some(5000)), order(3, Some(11))]))
        );
    }

    #[test]
    fn an_order_from_the_future_explains_no_change_after_it_was_seen() {
        let mut watch = DiscoveryState::default();
        let future = || order(1, Some(5000));
        watch.record_page(&page(1, vec![future()]), now());
        assert!(!watch.has_unexplained_orders(&page(1, vec![future()])));
        assert!(
            watch.has_unexplained_orders(&page(2, vec![future()])),
            "an order without a date came"
        );
        assert!(!watch.has_unexplained_orders(&page(2, vec![future(), order(2, Some(10))])));
    }

    #[test]
    fn the_first_order_of_a_shop_is_explained_by_the_page_that_shows_it() {
        let mut watch = DiscoveryState::default();
        watch.record_page(&page(0, vec![]), now());
        assert!(!watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])));
        assert!(watch.has_unexplained_orders(&page(2, vec![order(1, Some(10))])));
    }

    #[test]
    fn a_glance_stands_for_a_look_for_a_while() {
        let minute = TimeDelta::minutes(1);
        let mut watch = DiscoveryState::default();
        assert!(!watch.is_quick_check_enough(now()), "nothing was seen yet");
        watch.record_page(
            &page(60, vec![order(2, Some(20)), order(1, Some(10))]),
            now(),
        );
        assert!(watch.is_quick_check_enough(now()));
        assert!(!watch.is_quick_check_enough(now() + minute));
        assert!(
            !watch.is_quick_check_enough(now() - minute),
            "the clock was set back"
        );
        watch.require_full_page();
        assert!(!watch.is_quick_check_enough(now()));
        assert!(!watch.is_quick_check_enough(now() - minute));
    }

    #[test]
    fn a_glance_tells_whether_there_is_anything_to_look_at() {
        let mut watch = DiscoveryState::default();
        watch.record_page(
            &page(60, vec![order(2, Some(20)), order(1, Some(10))]),
            now(),
        );
        assert!(watch.is_unchanged(&page(60, vec![order(2, Some(20))])));
        assert!(
            !watch.is_unchanged(&page(61, vec![order(2, Some(20))])),
            "an old one became ready"
        );
        assert!(
            !watch.is_unchanged(&page(60, vec![order(3, Some(21))])),
            "one came, and one left"
        );
        assert!(!watch.is_unchanged(&page(59, vec![order(2, Some(20))])));
        watch.record_page(&page(0, vec![]), now());
        assert!(watch.is_unchanged(&page(0, vec![])));
        assert!(!watch.is_unchanged(&page(1, vec![order(4, None)])));
    }
}
