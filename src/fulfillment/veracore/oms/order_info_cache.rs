//! A cache of `GetOrderInfo` for orders in the list of shipments.
//!
//! Runs overlap by days, so the same parcels are listed repeatedly. While an order's parcels do not
//! change, its info is not fetched again. In memory only: a start fetches each order once.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::{order_info::OrderInfo, shipments::charge::ShippingCharge};
use crate::domain::OrderCode;

/// A void parcel may show in the order only; it is noticed with at most this delay.
const MAX_AGE: TimeDelta = TimeDelta::hours(6);

/// Entries of about a kilobyte each.
const MAX_ENTRIES: usize = 10_000;

#[derive(Default)]
pub(super) struct OrderInfoCache(Mutex<HashMap<OrderCode, CachedOrderInfo>>);

struct CachedOrderInfo {
    charges: Vec<ShippingCharge>,
    fetched_at: DateTime<Utc>,
    info: Arc<OrderInfo>,
}

impl OrderInfoCache {
    /// The order's info, if it was fetched for the same list of parcels.
    pub(super) fn get(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
        now: DateTime<Utc>,
    ) -> Option<Arc<OrderInfo>> {
        let entries = self.0.lock();
        let entry = entries.get(order)?;
        (entry.charges == charges && is_fresh(entry, now)).then(|| Arc::clone(&entry.info))
    }

    pub(super) fn insert(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
        info: &Arc<OrderInfo>,
        now: DateTime<Utc>,
    ) {
        let mut entries = self.0.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, entry| is_fresh(entry, now));
        }
        if entries.len() < MAX_ENTRIES || entries.contains_key(order) {
            let entry = CachedOrderInfo {
                charges: charges.to_vec(),
                fetched_at: now,
                info: Arc::clone(info),
            };
            entries.insert(order.clone(), entry);
        }
    }
}

/// An entry from the future is not fresh: the clock was set back.
fn is_fresh(entry: &CachedOrderInfo, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..MAX_AGE).contains(&(now - entry.fetched_at))
}
