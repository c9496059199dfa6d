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
    ReconcileError, Reconciliation, Summary,
    findings::{Facts, Question, Warehouse},
};
use crate::{
    domain::{Class, ErrorCategory, OrderCode, ShopOrderId},
    fulfillment::ProviderError,
    ledger::{KnownOrder, RecordedShipment},
    sync::{shrink, tracking::package::together},
    telemetry::of_order,
    vendure::{Progress, UnreadableItem},
};

/// So many orders in a row without an answer, and VeraCore is taken for down.
const UNANSWERED: u32 = 3;

/// How often in a pass VeraCore is left alone because it asks for that, and for how long at most.
const MOST_PAUSES: u32 = 40;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// For whom VeraCore is asked, and how it answers.
pub(super) struct Asking {
    left: u64,
    /// There are so many times more open orders than can be asked for: each has its turn every so
    /// many days.
    share: i64,
    day: i64,
    answered: u64,
    in_a_row: u32,
    pauses: u32,
    /// The last failure that says nothing about the order.
    silence: Option<ProviderError>,
}

/// What follows from a question that failed.
enum After {
    /// It is asked again after so long.
    Pause(Duration),
    /// This order is left.
    Leave,
    /// Nothing more is asked.
    NoMore,
}

impl Asking {
    pub(super) fn of(open: u64, most: u64, now: DateTime<Utc>) -> Self {
        let share = i64::try_from(open.div_ceil(most.max(1))).unwrap_or(i64::MAX);
        Self {
            left: most,
            share: share.max(1),
            day: now.timestamp() / TimeDelta::days(1).num_seconds(),
            answered: 0,
            in_a_row: 0,
            pauses: 0,
            silence: None,
        }
    }

    /// Whether it is asked for this order, counting it if so; `None` when there is no need.
    fn takes(&mut self, facts: &Facts) -> Option<bool> {
        let due = match facts.question() {
            Question::No => return None,
            Question::Cancelled => true,
            Question::HowFar => {
                facts.known.id.rem_euclid(self.share) == self.day.rem_euclid(self.share)
            }
        };
        let takes = due && self.left > 0;
        self.left -= u64::from(takes);
        Some(takes)
    }

    /// What to do about a failure.
    fn failed(&mut self, error: &ProviderError) -> Result<After, ReconcileError> {
        if error.category() == ErrorCategory::RateLimited {
            self.answered += 1;
            if self.pauses == MOST_PAUSES {
                // The rest of the night belongs to those who have more urgent questions.
                self.left = 0;
                return Ok(After::NoMore);
            }
            self.pauses += 1;
            let pause = error.retry_after().unwrap_or(Duration::from_secs(1));
            return Ok(After::Pause(pause.min(LONGEST_PAUSE)));
        }
        if error.class() == Class::Permanent {
            self.answered += 1;
            self.in_a_row = 0;
            return Ok(After::Leave);
        }
        self.in_a_row += 1;
        // Where nobody answers, there is no use in asking on.
        if error.parked_for().is_some()
            || error.category() == ErrorCategory::Auth
            || self.in_a_row >= UNANSWERED
        {
            return Err(error.clone().into());
        }
        self.silence = Some(error.clone());
        Ok(After::Leave)
    }

    /// At the end of a pass: an end of which nothing was heard is down.
    pub(super) fn end(self) -> Result<(), ReconcileError> {
        match self.silence {
            Some(error) if self.answered == 0 => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Reconciliation {
    /// What the shop says of these orders, and which packages are on record. An order whose entry
    /// cannot be understood is a failure, and left out.
    pub(super) async fn at_shop(
        &self,
        known: Vec<KnownOrder>,
        summary: &mut Summary,
    ) -> Result<Vec<Facts>, ReconcileError> {
        let ids: Vec<ShopOrderId> = known.iter().map(|order| order.order_id.clone()).collect();
        let (mut shop, unreadable) = self.progress(&ids).await?;
        let codes: Vec<OrderCode> = known.iter().map(|order| order.code.clone()).collect();
        let mut packages: BTreeMap<i64, Vec<RecordedShipment>> = BTreeMap::new();
        for shipment in self.orders.ledger.shipments_of(&codes).await? {
            packages.entry(shipment.order).or_default().push(shipment);
        }
        let mut facts = Vec::with_capacity(known.len());
        let mut named = 0;
        for order in known {
            let shop = shop.remove(&order.order_id);
            if shop.is_none()
                && let Some(bad) = unreadable.iter().find(|bad| names(bad, &order))
            {
                named += 1;
                summary.failed(order.code.as_str(), &bad.problem);
                continue;
            }
            facts.push(Facts {
                packages: together(packages.remove(&order.id).unwrap_or_default(), Vec::new()),
                known: order,
                shop,
                warehouse: Warehouse::NotAsked,
            });
        }
        if named < unreadable.len() {
            // Nobody knows which of the missing ones it is, so that none can be called missing.
            for bad in &unreadable {
                summary.failed(&bad.key, &bad.problem);
            }
            facts.retain(|facts| facts.shop.is_some());
        }
        Ok(facts)
    }

    async fn progress(
        &self,
        ids: &[ShopOrderId],
    ) -> Result<(HashMap<ShopOrderId, Progress>, Vec<UnreadableItem>), ReconcileError> {
        let mut shop = HashMap::with_capacity(ids.len());
        let mut unreadable = Vec::new();
        let mut take = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let mut rest = ids;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(take as usize));
            let page = match self.orders.storefront.progress(now).await {
                Err(error) if shrink(&error, &mut take) => continue,
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
    pub(super) async fn at_warehouse(
        &self,
        facts: &mut [Facts],
        asking: &mut Asking,
        summary: &mut Summary,
    ) -> Result<(), ReconcileError> {
        let mut waiting = VecDeque::new();
        for (at, facts) in facts.iter().enumerate() {
            match asking.takes(facts) {
                Some(true) => waiting.push_back(at),
                Some(false) => summary.checked.not_asked += 1,
                None => {}
            }
        }
        summary.checked.asked_at_veracore += waiting.len() as u64;
        let mut working = JoinSet::new();
        loop {
            if self.orders.tasks.stopping() {
                return Err(ReconcileError::Stopped);
            }
            while working.len() < self.settings.concurrency.max(1) {
                let Some(at) = waiting.pop_front() else { break };
                let provider = Arc::clone(&self.orders.provider);
                let code = facts[at].known.code.clone();
                let span = of_order(&code);
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
                    summary.failed("", "asking for an order panicked; please report it");
                    continue;
                }
            };
            match answer {
                Ok(found) => {
                    asking.answered += 1;
                    asking.in_a_row = 0;
                    facts[at].warehouse = found.map_or(Warehouse::Missing, Warehouse::Has);
                }
                Err(error) => match asking.failed(&error)? {
                    After::Pause(pause) => {
                        self.orders.tasks.sleep(pause).await;
                        waiting.push_back(at);
                    }
                    After::NoMore => {
                        let unasked = 1 + waiting.len() as u64;
                        summary.checked.asked_at_veracore -= unasked;
                        summary.checked.not_asked += unasked;
                        waiting.clear();
                    }
                    After::Leave => {
                        let problem = error.without_its_words();
                        summary.failed(facts[at].known.code.as_str(), &problem);
                    }
                },
            }
        }
    }
}

/// Whether an entry of the shop's list that cannot be understood is this order's; see `key` in
/// `vendure::lists`.
fn names(bad: &UnreadableItem, order: &KnownOrder) -> bool {
    bad.key.contains(&format!("\"{}\"", order.code))
        || bad.key.starts_with(&format!("id \"{}\",", order.order_id))
}
