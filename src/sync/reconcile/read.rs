//! What both ends say of a page of the ledger's orders. VeraCore has no list of them: it is asked
//! for one after the other, and only for those about which something may be off.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{
    ReconcileError, ReconcileSummary, Reconciliation,
    findings::{LookupReason, OrderFacts, WarehouseAnswer},
};
use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode, ShopOrderId},
    fulfillment::ProviderError,
    ledger::{KnownOrder, RecordedShipment},
    sync::{page_tracker::halve_if_too_large, tracking::parcels::merge_reports},
    telemetry::order_span,
    vendure::{FulfillmentProgress, UnreadableItem},
};

/// So many orders in a row without an answer, and VeraCore is taken for down.
const MAX_UNANSWERED: u32 = 3;

/// How often in a pass VeraCore is left alone because it asks for that, and for how long at most.
const MAX_RATE_LIMIT_PAUSES: u32 = 40;
const MAX_RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// For whom VeraCore is asked, and how it answers.
pub(super) struct LookupBudget {
    remaining: u64,
    /// There are so many times more open orders than can be asked for: each has its turn every so
    /// many days.
    rotation_days: i64,
    rotation_day: i64,
    answered: u64,
    consecutive_failures: u32,
    pauses: u32,
    /// The last failure that says nothing about the order.
    last_failure: Option<ProviderError>,
}

/// What follows from a question that failed.
enum OnLookupError {
    /// It is asked again after so long.
    Pause(Duration),
    /// This order is left.
    Skip,
    /// Nothing more is asked.
    Stop,
}

impl LookupBudget {
    pub(super) fn new(open: u64, most: u64, now: DateTime<Utc>) -> Self {
        let share = i64::try_from(open.div_ceil(most.max(1))).unwrap_or(i64::MAX);
        Self {
            remaining: most,
            rotation_days: share.max(1),
            rotation_day: now.timestamp() / TimeDelta::days(1).num_seconds(),
            answered: 0,
            consecutive_failures: 0,
            pauses: 0,
            last_failure: None,
        }
    }

    /// Whether it is asked for this order, counting it if so; `None` when there is no need.
    fn try_take(&mut self, facts: &OrderFacts) -> Option<bool> {
        let due = match facts.lookup_reason() {
            LookupReason::NotNeeded => return None,
            LookupReason::CancelledOrder => true,
            LookupReason::OpenOrder => {
                facts.known.id.rem_euclid(self.rotation_days)
                    == self.rotation_day.rem_euclid(self.rotation_days)
            }
        };
        let takes = due && self.remaining > 0;
        self.remaining -= u64::from(takes);
        Some(takes)
    }

    /// What to do about a failure.
    fn on_error(&mut self, error: &ProviderError) -> Result<OnLookupError, ReconcileError> {
        if error.category() == ErrorCategory::RateLimited {
            self.answered += 1;
            if self.pauses == MAX_RATE_LIMIT_PAUSES {
                // The rest of the night belongs to those who have more urgent questions.
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
        // Where nobody answers, there is no use in asking on.
        if error.parked_for().is_some()
            || error.category() == ErrorCategory::Auth
            || self.consecutive_failures >= MAX_UNANSWERED
        {
            return Err(error.clone().into());
        }
        self.last_failure = Some(error.clone());
        Ok(OnLookupError::Skip)
    }

    /// At the end of a pass: an end of which nothing was heard is down.
    pub(super) fn finish(self) -> Result<(), ReconcileError> {
        match self.last_failure {
            Some(error) if self.answered == 0 => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Reconciliation {
    /// What the shop says of these orders, and which packages are on record. An order whose entry
    /// cannot be understood is a failure, and left out.
    pub(super) async fn load_facts(
        &self,
        known: Vec<KnownOrder>,
        summary: &mut ReconcileSummary,
    ) -> Result<Vec<OrderFacts>, ReconcileError> {
        let ids: Vec<ShopOrderId> = known.iter().map(|order| order.order_id.clone()).collect();
        let (mut shop, unreadable) = self.fetch_progress(&ids).await?;
        let codes: Vec<OrderCode> = known.iter().map(|order| order.code.clone()).collect();
        let mut packages: BTreeMap<i64, Vec<RecordedShipment>> = BTreeMap::new();
        for shipment in self.orders.ledger.shipments_of_orders(&codes).await? {
            packages.entry(shipment.order).or_default().push(shipment);
        }
        let mut facts = Vec::with_capacity(known.len());
        let mut named = 0;
        for order in known {
            let shop = shop.remove(&order.order_id);
            if shop.is_none()
                && let Some(bad) = unreadable.iter().find(|bad| is_about_order(bad, &order))
            {
                named += 1;
                summary.add_failure(order.code.as_str(), &bad.problem);
                continue;
            }
            facts.push(OrderFacts {
                parcels: merge_reports(packages.remove(&order.id).unwrap_or_default(), Vec::new()),
                known: order,
                shop,
                warehouse: WarehouseAnswer::NotChecked,
            });
        }
        if named < unreadable.len() {
            // Nobody knows which of the missing ones it is, so that none can be called missing.
            for bad in &unreadable {
                summary.add_failure(&bad.key, &bad.problem);
            }
            facts.retain(|facts| facts.shop.is_some());
        }
        Ok(facts)
    }

    async fn fetch_progress(
        &self,
        ids: &[ShopOrderId],
    ) -> Result<
        (
            HashMap<ShopOrderId, FulfillmentProgress>,
            Vec<UnreadableItem>,
        ),
        ReconcileError,
    > {
        let mut shop = HashMap::with_capacity(ids.len());
        let mut unreadable = Vec::new();
        let mut take = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let mut rest = ids;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(take as usize));
            let page = match self.orders.storefront.fulfillment_progress(now).await {
                Err(error) if halve_if_too_large(&error, &mut take) => continue,
                other => other?,
            };
            let orders = page.orders.into_iter();
            shop.extend(orders.map(|order| (order.id.clone(), order)));
            unreadable.extend(page.unreadable);
            rest = later;
        }
        Ok((shop, unreadable))
    }

    /// Asks VeraCore for those orders for which it must be asked, some at a time.
    pub(super) async fn look_up_at_veracore(
        &self,
        facts: &mut [OrderFacts],
        asking: &mut LookupBudget,
        summary: &mut ReconcileSummary,
    ) -> Result<(), ReconcileError> {
        let mut waiting = VecDeque::new();
        for (at, facts) in facts.iter().enumerate() {
            match asking.try_take(facts) {
                Some(true) => waiting.push_back(at),
                Some(false) => summary.checked.not_asked += 1,
                None => {}
            }
        }
        summary.checked.asked_at_veracore += waiting.len() as u64;
        let mut working = JoinSet::new();
        loop {
            if self.orders.tasks.is_stopping() {
                return Err(ReconcileError::Stopped);
            }
            while working.len() < self.settings.concurrency.max(1) {
                let Some(at) = waiting.pop_front() else { break };
                let provider = Arc::clone(&self.orders.provider);
                let code = facts[at].known.code.clone();
                let span = order_span(&code);
                let asked = async move { (at, provider.find_order(&code).await) };
                working.spawn(asked.instrument(span));
            }
            let Some(answer) = working.join_next().await else {
                return Ok(());
            };
            let (at, answer) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(%error, "VeraCore: asking for an order panicked");
                    summary.add_failure("", "asking for an order panicked; please report it");
                    continue;
                }
            };
            match answer {
                Ok(found) => {
                    asking.answered += 1;
                    asking.consecutive_failures = 0;
                    facts[at].warehouse =
                        found.map_or(WarehouseAnswer::Missing, WarehouseAnswer::Found);
                }
                Err(error) => match asking.on_error(&error)? {
                    OnLookupError::Pause(pause) => {
                        self.orders.tasks.sleep(pause).await;
                        waiting.push_back(at);
                    }
                    OnLookupError::Stop => {
                        let unasked = 1 + waiting.len() as u64;
                        summary.checked.asked_at_veracore -= unasked;
                        summary.checked.not_asked += unasked;
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

/// Whether an entry of the shop's list that cannot be understood is this order's; see `key` in
/// `vendure::lists`.
fn is_about_order(bad: &UnreadableItem, order: &KnownOrder) -> bool {
    bad.key.contains(&format!("\"{}\"", order.code))
        || bad.key.starts_with(&format!("id \"{}\",", order.order_id))
}
