//! The position of a sweep over all orders in a trigger state. Pure.

use std::collections::BTreeSet;

use crate::{
    sync::error::SyncError,
    vendure::{OrderPage, SweepPosition},
};

pub(in crate::sync) struct SweepCursor {
    pub(super) position: SweepPosition,
    pub(super) page_size: u32,
    pub(super) is_done: bool,
    pub(super) seen_ids: BTreeSet<String>,
    stale_pages: u32,
}

/// Pages overlap, so one may hold nothing new. More in a row mean that the list does not end.
const MAX_STALE_PAGES: u32 = 3;

impl SweepCursor {
    pub(in crate::sync) fn new(page_size: u32) -> Self {
        Self {
            position: SweepPosition::default(),
            page_size,
            is_done: false,
            seen_ids: BTreeSet::new(),
            stale_pages: 0,
        }
    }

    /// Moves past `page`, from which orders seen before were removed.
    pub(super) fn advance(&mut self, page: &OrderPage) -> Result<(), SyncError> {
        if page.len < self.page_size as usize {
            self.is_done = true;
            return Ok(());
        }
        self.stale_pages = if page.orders.is_empty() {
            self.stale_pages + 1
        } else {
            0
        };
        if self.stale_pages > MAX_STALE_PAGES {
            return Err(SyncError::EndlessOrders {
                seen: self.seen_ids.len(),
                total: page.total,
            });
        }
        self.position = match page.last_created_at {
            Some(last) if Some(last) > self.position.created_from => SweepPosition {
                created_from: Some(last),
                skip: 0,
            },
            _ => SweepPosition {
                skip: self.position.skip.saturating_add(self.page_size),
                ..self.position
            },
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

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
    fn a_walk_moves_by_creation_time_and_by_offset_only_within_one_moment() {
        let mut walk = SweepCursor::new(2);
        let at = |s| DateTime::from_timestamp(s, 0);
        let full = |created, fresh: Vec<OrderRef>| OrderPage {
            last_created_at: created,
            len: 2,
            ..page(9, fresh)
        };
        walk.advance(&full(at(5), vec![order(1, None), order(2, None)]))
            .unwrap();
        assert_eq!(
            walk.position,
            SweepPosition {
                created_from: at(5),
                skip: 0
            }
        );
        walk.advance(&full(at(5), vec![])).unwrap();
        assert_eq!(
            walk.position,
            SweepPosition {
                created_from: at(5),
                skip: 2
            }
        );
        walk.advance(&full(at(7), vec![order(3, None), order(4, None)]))
            .unwrap();
        assert_eq!(
            walk.position,
            SweepPosition {
                created_from: at(7),
                skip: 0
            }
        );
        walk.advance(&page(9, vec![order(5, None)])).unwrap();
        assert!(walk.is_done);
    }

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut walk = SweepCursor::new(1);
        let again = OrderPage {
            len: 1,
            ..page(9, vec![])
        };
        let outcome = (0..10).try_for_each(|_| walk.advance(&again));
        assert!(matches!(outcome, Err(SyncError::EndlessOrders { .. })));
    }
}
