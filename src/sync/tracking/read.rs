//! Asking VeraCore for packages: all since a moment in one list, or one order by its status.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    TrackingError, TrackingSync,
    package::{Package, together, told},
};
use crate::{
    domain::{Class, OrderCode},
    fulfillment::{FoundOrder, Row, Shipment},
    ledger::{RecordedShipment, SentOrder, Told},
    sync::pages::Pages,
};

/// How far a reading goes back behind the beginning of the last one: dates without a time, clocks
/// that differ, and packages that were written down late.
const OVERLAP: TimeDelta = TimeDelta::days(3);

/// How long a package or order that does not get any further is waited for.
pub(super) const PATIENCE: TimeDelta = TimeDelta::days(30);

/// Orders asked for one by one in a pass, where there is no list.
const SINGLY: u32 = 500;

/// So many of them in a row without an answer, and VeraCore is taken for down.
const UNANSWERED: u32 = 3;

/// Rows looked up in the ledger at once.
const ROWS: usize = 1000;

/// What VeraCore tells of orders that are ours.
#[derive(Debug, Default)]
pub(super) struct News {
    pub told: BTreeMap<OrderCode, Vec<Told>>,
    /// How many packages came, ours or not.
    pub shipments: u64,
    /// Order numbers that VeraCore shipped and the ledger does not know as sent.
    pub unknown: BTreeSet<OrderCode>,
    /// Those of them of which a package has left.
    pub left_unknown: Vec<OrderCode>,
    /// What VeraCore said of orders that it was asked for one by one.
    pub words: Vec<FoundOrder>,
    /// Rows that could not be understood.
    pub bad_rows: u64,
    pub examples: Vec<String>,
    /// Orders that were asked for one by one in vain, and why.
    pub unanswered: Vec<(OrderCode, String)>,
    /// When a whole reading began, for the next one.
    pub read_from: Option<DateTime<Utc>>,
    /// Whether VeraCore's list could not be had, and orders were asked for one by one.
    pub singly: bool,
}

impl TrackingSync {
    /// All packages since the last whole reading, with an overlap; one order after the other where
    /// VeraCore gives no list.
    pub(super) async fn news(&self) -> Result<News, TrackingError> {
        let began = self.clock.now();
        let since = self.since(began).await?;
        match self.list(since, None).await {
            Ok(mut news) => {
                news.read_from = Some(began);
                Ok(news)
            }
            Err(TrackingError::Shipments(error)) if error.class() == Class::Permanent => {
                tracing::warn!(%error, "VeraCore gives no list of shipments; open orders are asked for one by one");
                self.singly().await
            }
            Err(error) => Err(error),
        }
    }

    /// The packages of one order: from the list where it is there, else by its status.
    pub(super) async fn news_of(&self, order: &SentOrder) -> Result<News, TrackingError> {
        let since = order.acknowledged_at.unwrap_or_else(|| self.clock.now()) - OVERLAP;
        let news = match self.list(since, Some(&order.code)).await {
            Ok(news) if !news.told.is_empty() => return Ok(news),
            Ok(news) => news,
            Err(TrackingError::Shipments(error)) if error.class() == Class::Permanent => {
                News::default()
            }
            Err(error) => return Err(error),
        };
        let found = self.provider.find_order(&order.code).await?;
        let mut news = news;
        news.words.extend(found.clone());
        news.take(&order.code, found);
        Ok(news)
    }

    /// From when on packages must be read.
    async fn since(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, TrackingError> {
        let read_at = self.ledger.shipments_read_at().await?;
        let needed = self
            .ledger
            .shipments_needed_since(now - PATIENCE, read_at)
            .await?;
        // After a clock that was ahead, the last reading lies in the future.
        let from = read_at.map_or(now, |at| at.min(now));
        Ok(needed.map_or(from, |at| at.min(from)) - OVERLAP)
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        only: Option<&OrderCode>,
    ) -> Result<News, TrackingError> {
        let mut news = News::default();
        let mut pages = Pages::default();
        loop {
            if self.tasks.stopping() {
                return Err(TrackingError::Stopped);
            }
            let found = self.provider.shipments(since, pages.current()).await?;
            self.sift(found.rows, only, &mut news).await?;
            let Some(next) = found.next else {
                return Ok(news);
            };
            pages.turn(next).map_err(TrackingError::Endless)?;
        }
    }

    /// Keeps what is ours and not dealt with yet: a server may give the whole history each time.
    async fn sift(
        &self,
        rows: Vec<Row<Shipment>>,
        only: Option<&OrderCode>,
        news: &mut News,
    ) -> Result<(), TrackingError> {
        let mut rows = rows.into_iter();
        loop {
            let mut told_of: BTreeMap<OrderCode, Vec<Told>> = BTreeMap::new();
            let mut taken = 0;
            for row in rows.by_ref().take(ROWS) {
                taken += 1;
                match row {
                    Ok(shipment) if only.is_some_and(|code| shipment.order_number != *code) => {}
                    Ok(shipment) => {
                        news.shipments += 1;
                        let code = shipment.order_number.clone();
                        told_of.entry(code).or_default().push(told(shipment));
                    }
                    Err(bad) => news.bad(&bad),
                }
            }
            if taken == 0 {
                return Ok(());
            }
            let codes: Vec<OrderCode> = told_of.keys().cloned().collect();
            let sent = self.ledger.sent_orders(&codes).await?;
            let mut sent: BTreeMap<OrderCode, i64> = sent
                .into_iter()
                .map(|order| (order.code, order.id))
                .collect();
            let mut recorded: BTreeMap<i64, Vec<RecordedShipment>> = BTreeMap::new();
            for shipment in self.ledger.shipments_of(&codes).await? {
                recorded.entry(shipment.order).or_default().push(shipment);
            }
            for (code, told) in told_of {
                let Some(order) = sent.remove(&code) else {
                    if together(Vec::new(), told).iter().any(has_left) {
                        news.left_unknown.push(code.clone());
                    }
                    news.unknown.insert(code);
                    continue;
                };
                let known = recorded.remove(&order).unwrap_or_default();
                if only.is_some()
                    || !together(known, told.clone())
                        .iter()
                        .all(Package::is_at_rest)
                {
                    news.told.entry(code).or_default().extend(told);
                }
            }
        }
    }

    async fn singly(&self) -> Result<News, TrackingError> {
        let mut news = News {
            singly: true,
            ..News::default()
        };
        let mut asked = Vec::new();
        let mut unanswered = 0;
        for code in self.ledger.longest_unasked(SINGLY).await? {
            if self.tasks.stopping() || unanswered == UNANSWERED {
                break;
            }
            match self.provider.find_order(&code).await {
                Ok(found) => {
                    unanswered = 0;
                    news.words.extend(found.clone());
                    news.take(&code, found);
                }
                // One order stops no other, but where nobody answers, there is no use in asking on.
                Err(error) => {
                    let clear = error.class() == Class::Permanent;
                    unanswered = if clear { 0 } else { unanswered + 1 };
                    let problem = error.without_its_words();
                    tracing::warn!(order = %code, problem, "VeraCore did not say how far the order is");
                    news.unanswered.push((code.clone(), problem));
                }
            }
            asked.push(code);
        }
        self.ledger.asked_for_tracking(&asked).await?;
        Ok(news)
    }
}

impl News {
    /// What an order's status tells of its package.
    fn take(&mut self, code: &OrderCode, found: Option<FoundOrder>) {
        if let Some(told) = found.and_then(package_of) {
            self.shipments += 1;
            self.told.entry(code.clone()).or_default().push(told);
        }
    }

    fn bad(&mut self, row: &crate::fulfillment::BadRow) {
        self.bad_rows += 1;
        if self.examples.len() < crate::sync::inventory::feed::EXAMPLES {
            tracing::warn!(%row, "VeraCore: a row of the list of shipments makes no sense");
            self.examples.push(row.to_string());
        }
    }
}

fn has_left(package: &Package) -> bool {
    !package.is_void() && package.waits().is_none()
}

/// The one package that an order's status tells of.
fn package_of(found: FoundOrder) -> Option<Told> {
    if found.is_cancelled() {
        return None;
    }
    Some(Told {
        shipment_id: None,
        tracking_number: Some(found.tracking_number?),
        carrier: found.carrier,
        service: None,
        shipped_at: found.shipped_at,
        provider_status: found.status,
        items: None,
    })
}
