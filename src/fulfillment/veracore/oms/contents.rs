//! What VeraCore said of orders of which packages are listed.
//!
//! Readings overlap by days, so that the same packages are listed again and again. Owns for how long
//! an order is not asked for again when the list says the same of it as before. Kept in memory alone:
//! after a start all are asked for once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{info::OrderInfo, shipped::Charge};
use crate::domain::OrderCode;

/// A package that is taken back after all may show in the order alone, and is noticed so much later.
const TRUSTED: TimeDelta = TimeDelta::hours(6);

/// Orders remembered, of about a kilobyte each.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Contents(Mutex<HashMap<OrderCode, Known>>);

struct Known {
    charges: Vec<Charge>,
    asked_at: DateTime<Utc>,
    info: Arc<OrderInfo>,
}

impl Contents {
    fn known(&self) -> MutexGuard<'_, HashMap<OrderCode, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the order, if just these packages were listed when it was asked for.
    pub(super) fn of(
        &self,
        order: &OrderCode,
        charges: &[Charge],
        now: DateTime<Utc>,
    ) -> Option<Arc<OrderInfo>> {
        let known = self.known();
        let found = known.get(order)?;
        let holds = found.charges == charges && is_fresh(found, now);
        holds.then(|| Arc::clone(&found.info))
    }

    pub(super) fn keep(
        &self,
        order: &OrderCode,
        charges: &[Charge],
        info: &Arc<OrderInfo>,
        now: DateTime<Utc>,
    ) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, found| is_fresh(found, now));
        }
        if known.len() < MOST || known.contains_key(order) {
            let found = Known {
                charges: charges.to_vec(),
                asked_at: now,
                info: Arc::clone(info),
            };
            known.insert(order.clone(), found);
        }
    }
}

/// A clock that was set back makes nothing fresh.
fn is_fresh(found: &Known, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..TRUSTED).contains(&(now - found.asked_at))
}
