//! What VeraCore said of orders of which packages are listed.
//!
//! Readings overlap by days, so that the same packages are listed again and again. Owns for how long
//! an order is not asked for again when the list says the same of it as before. Kept in memory alone:
//! after a start all are asked for once.

use parking_lot::{Mutex, MutexGuard};
use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use super::{order_info::OrderInfo, shipments::ShippingCharge};
use crate::domain::OrderCode;

/// A package that is taken back after all may show in the order alone, and is noticed so much later.
const MAX_AGE: TimeDelta = TimeDelta::hours(6);

/// Orders remembered, of about a kilobyte each.
const MAX_ENTRIES: usize = 10_000;

#[derive(Default)]
pub(super) struct OrderInfoCache(Mutex<HashMap<OrderCode, CachedOrderInfo>>);

struct CachedOrderInfo {
    charges: Vec<ShippingCharge>,
    fetched_at: DateTime<Utc>,
    info: Arc<OrderInfo>,
}

impl OrderInfoCache {
    fn lock_entries(&self) -> MutexGuard<'_, HashMap<OrderCode, CachedOrderInfo>> {
        self.0.lock()
    }

    /// What is known of the order, if just these packages were listed when it was asked for.
    pub(super) fn get(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
        now: DateTime<Utc>,
    ) -> Option<Arc<OrderInfo>> {
        let known = self.lock_entries();
        let found = known.get(order)?;
        let holds = found.charges == charges && is_fresh(found, now);
        holds.then(|| Arc::clone(&found.info))
    }

    pub(super) fn insert(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
        info: &Arc<OrderInfo>,
        now: DateTime<Utc>,
    ) {
        let mut known = self.lock_entries();
        if known.len() >= MAX_ENTRIES {
            known.retain(|_, found| is_fresh(found, now));
        }
        if known.len() < MAX_ENTRIES || known.contains_key(order) {
            let found = CachedOrderInfo {
                charges: charges.to_vec(),
                fetched_at: now,
                info: Arc::clone(info),
            };
            known.insert(order.clone(), found);
        }
    }
}

/// A clock that was set back makes nothing fresh.
fn is_fresh(found: &CachedOrderInfo, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..MAX_AGE).contains(&(now - found.fetched_at))
}
