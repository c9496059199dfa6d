//! Whether sends fail because of the orders or because of VeraCore: it may answer every question and
//! still take no order, which no circuit breaker sees.

use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeSet;

/// Sends of so many orders in a row must fail before that is VeraCore's doing.
const WIDESPREAD_ORDERS: usize = 5;

/// The orders whose sends failed since one went well.
#[derive(Debug, Default)]
pub(super) struct FailureStreak(Mutex<BTreeSet<i64>>);

impl FailureStreak {
    /// Takes note of a send that failed. Returns whether those of many orders do.
    pub(super) fn record_failure(&self, order: i64) -> bool {
        let mut orders = self.lock_orders();
        if orders.len() < WIDESPREAD_ORDERS {
            orders.insert(order);
        }
        orders.len() >= WIDESPREAD_ORDERS
    }

    /// Takes note of a send that was answered as it should be.
    pub(super) fn reset(&self) {
        self.lock_orders().clear();
    }

    fn lock_orders(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock()
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
