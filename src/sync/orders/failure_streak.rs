//! Detects that sends fail because of VeraCore rather than the orders. No circuit breaker sees a
//! VeraCore that answers lookups and accepts no order.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// Different orders whose sends must fail in a row before VeraCore counts as the cause.
const WIDESPREAD_ORDERS: usize = 5;

/// The orders whose sends failed since the last successful one.
#[derive(Debug, Default)]
pub struct FailureStreak(Mutex<BTreeSet<i64>>);

impl FailureStreak {
    /// Records a failed send. Returns whether the sends of many orders fail.
    pub(super) fn record_failure(&self, order: i64) -> bool {
        let mut orders = self.0.lock();
        if orders.len() < WIDESPREAD_ORDERS {
            orders.insert(order);
        }
        orders.len() >= WIDESPREAD_ORDERS
    }

    /// Records a send that VeraCore answered.
    pub(super) fn reset(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_again_and_again_is_not_many() {
        let streak = FailureStreak::default();
        for _ in 0..20 {
            assert!(!streak.record_failure(7));
        }
        for order in 1..4 {
            assert!(!streak.record_failure(order));
        }
        assert!(streak.record_failure(4));
        assert!(streak.record_failure(7));
        streak.reset();
        assert!(!streak.record_failure(7));
    }
}
