//! Reads a page of the ledger's orders from the shop and VeraCore. VeraCore has no list of orders, so
//! each is looked up, and only if something may be wrong with it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{
    findings::{LookupReason, OrderFacts, WarehouseAnswer},
    service::Reconciliation,
    summary::ReconcileSummary,
};
use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode, ShopOrderId},
    fulfillment::ProviderError,
    ledger::{KnownOrder, RecordedShipment},
    sync::{error::SyncError, page_tracker::fetch_progress, tracking::parcels::merge_reports},
    telemetry::order_span,
    vendure::{FulfillmentProgress, UnreadableItem},
};

/// Consecutive lookups without a response after which VeraCore counts as down.
const MAX_UNANSWERED: u32 = 3;

/// The most pauses in a run because VeraCore limits the rate, and the longest one.
const MAX_RATE_LIMIT_PAUSES: u32 = 40;
const MAX_RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// The lookups left for a run, and VeraCore's responses so far.
pub(super) struct LookupBudget {
    remaining: u64,
    /// Days until every open order was looked up, if there are too many for one run.
    rotation_days: i64,
    rotation_day: i64,
    answered: u64,
    consecutive_failures: u32,
    pauses: u32,
    /// The last failure that was not about the order.
    last_failure: Option<ProviderError>,
}

/// The consequence of a failed lookup.
enum OnLookupError {
    /// Look it up again after this.
    Pause(Duration),
    /// Leave out this order.
    Skip,
    /// Look up no more orders.
    Stop,
}

impl LookupBudget {
    pub(super) fn new(open_orders: u64, max_lookups: u64, now: DateTime<Utc>) -> Self {
        let days = i64::try_from(open_orders.div_ceil(max_lookups.max(1))).unwrap_or(i64::MAX);
        Self {
            remaining: max_lookups,
            rotation_days: days.max(1),
            rotation_day: now.timestamp() / TimeDelta::days(1).num_seconds(),
            answered: 0,
            consecutive_failures: 0,
            pauses: 0,
            last_failure: None,
        }
    }

    /// Takes a lookup for this order if it is due; `None` if the order needs none.
    fn try_take(&mut self, facts: &OrderFacts) -> Option<bool> {
        let days = self.rotation_days;
        let due = match facts.lookup_reason()? {
            LookupReason::CancelledOrder => true,
            LookupReason::OpenOrder => {
                facts.known.id.rem_euclid(days) == self.rotation_day.rem_euclid(days)
            }
        };
        let takes = due && self.remaining > 0;
        self.remaining -= u64::from(takes);
        Some(takes)
    }

    fn on_error(&mut self, error: &ProviderError) -> Result<OnLookupError, SyncError> {
        if error.category() == ErrorCategory::RateLimited {
            self.answered += 1;
            if self.pauses == MAX_RATE_LIMIT_PAUSES {
                // Leave the rate limit to more urgent calls.
                self.remaining = 0;
                return Ok(OnLookupError::Stop);
            }
            self.pauses += 1;
            let pause = error.retry_after().unwrap_or(Duration::from_secs(1));
            return Ok(OnLookupError::Pause(pause.min(MAX_RATE_LIMIT_PAUSE)));
        }
        if error.class() == FailureClass::Permanent {
            self.answered += 1;
            self.consecutive_failures = 0;
            return Ok(OnLookupError::Skip);
        }
        self.consecutive_failures += 1;
        // VeraCore is down.
        if error.circuit_open_for().is_some()
            || error.category() == ErrorCategory::Auth
            || self.consecutive_failures >= MAX_UNANSWERED
        {
            return Err(SyncError::Lookup(error.clone()));
        }
        self.last_failure = Some(error.clone());
        Ok(OnLookupError::Skip)
    }

    /// Ends a run. Fails if VeraCore answered nothing.
    pub(super) fn finish(self) -> Result<(), SyncError> {
        match self.last_failure {
            Some(error) if self.answered == 0 => Err(SyncError::Lookup(error)),
            _ => Ok(()),
        }
    }
}

impl Reconciliation {
    /// Loads the shop's orders and the recorded parcels. An order with an invalid entry is left out as
    /// a failure.
    pub(super) async fn load_facts(
        &self,
        known: Vec<KnownOrder>,
        summary: &mut ReconcileSummary,
    ) -> Result<Vec<OrderFacts>, SyncError> {
        let ids: Vec<ShopOrderId> = known.iter().map(|order| order.order_id.clone()).collect();
        let page = fetch_progress(&*self.orders.storefront, &ids, u32::MAX).await?;
        let unreadable = page.unreadable;
        let shop = page.orders.into_iter();
        let mut shop: HashMap<ShopOrderId, FulfillmentProgress> =
            shop.map(|order| (order.id.clone(), order)).collect();
        let codes: Vec<OrderCode> = known.iter().map(|order| order.code.clone()).collect();
        let mut parcels: BTreeMap<i64, Vec<RecordedShipment>> = BTreeMap::new();
        for shipment in self.orders.ledger.shipments_of_orders(&codes).await? {
            parcels.entry(shipment.order).or_default().push(shipment);
        }
        let mut facts = Vec::with_capacity(known.len());
        let mut identified = 0;
        for order in known {
            let shop = shop.remove(&order.order_id);
            if shop.is_none()
                && let Some(bad) = unreadable.iter().find(|bad| is_about_order(bad, &order))
            {
                identified += 1;
                summary.add_failure(order.code.as_str(), &bad.problem);
                continue;
            }
            facts.push(OrderFacts {
                parcels: merge_reports(parcels.remove(&order.id).unwrap_or_default(), Vec::new()),
                known: order,
                shop,
                warehouse: WarehouseAnswer::NotChecked,
            });
        }
        if identified < unreadable.len() {
            // Any of the missing orders may be the invalid entry, so none counts as missing.
            for bad in &unreadable {
                summary.add_failure(&bad.key, &bad.problem);
            }
            facts.retain(|facts| facts.shop.is_some());
        }
        Ok(facts)
    }

    /// Looks up at VeraCore the orders that need it, several at a time.
    pub(super) async fn look_up_at_veracore(
        &self,
        facts: &mut [OrderFacts],
        budget: &mut LookupBudget,
        summary: &mut ReconcileSummary,
    ) -> Result<(), SyncError> {
        let mut waiting = VecDeque::new();
        for (at, facts) in facts.iter().enumerate() {
            match budget.try_take(facts) {
                Some(true) => waiting.push_back(at),
                Some(false) => summary.checked.not_asked += 1,
                None => {}
            }
        }
        summary.checked.asked_at_veracore += waiting.len() as u64;
        let mut working = JoinSet::new();
        loop {
            if self.orders.tasks.is_stopping() {
                return Err(SyncError::Stopped);
            }
            while working.len() < self.settings.concurrency.max(1) {
                let Some(at) = waiting.pop_front() else { break };
                let provider = Arc::clone(&self.orders.provider);
                let code = facts[at].known.code.clone();
                let span = order_span(&code);
                let lookup = async move { (at, provider.find_order(&code).await) };
                working.spawn(lookup.instrument(span));
            }
            let Some(answer) = working.join_next().await else {
                return Ok(());
            };
            let (at, answer) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(%error, "looking up an order at VeraCore panicked");
                    summary.add_failure("", "looking up an order panicked; please report it");
                    continue;
                }
            };
            match answer {
                Ok(found) => {
                    budget.answered += 1;
                    budget.consecutive_failures = 0;
                    facts[at].warehouse =
                        found.map_or(WarehouseAnswer::Missing, WarehouseAnswer::Found);
                }
                Err(error) => match budget.on_error(&error)? {
                    OnLookupError::Pause(pause) => {
                        self.orders.tasks.sleep(pause).await;
                        waiting.push_back(at);
                    }
                    OnLookupError::Stop => {
                        let skipped = 1 + waiting.len() as u64;
                        summary.checked.asked_at_veracore -= skipped;
                        summary.checked.not_asked += skipped;
                        waiting.clear();
                    }
                    OnLookupError::Skip => {
                        let problem = error.redacted_message();
                        summary.add_failure(facts[at].known.code.as_str(), &problem);
                    }
                },
            }
        }
    }
}

/// An invalid entry of the shop's list is this order's; see `key` in `vendure::lists`.
fn is_about_order(bad: &UnreadableItem, order: &KnownOrder) -> bool {
    bad.key.contains(&format!("\"{}\"", order.code))
        || bad.key.starts_with(&format!("id \"{}\",", order.order_id))
}
