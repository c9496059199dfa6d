//! Asking VeraCore for packages: all since a moment in one list, or one order by its status.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    TrackingError, TrackingSync,
    parcels::{Parcel, merge_reports, parcel_report},
};
use crate::{
    domain::{FailureClass, OrderCode},
    fulfillment::{FeedRow, FoundOrder, MAX_EXAMPLES, RowError, Shipment},
    ledger::{ParcelReport, RecordedShipment, SentOrder},
    sync::page_tracker::PageTracker,
};

/// How far a reading goes back behind the beginning of the last one: dates without a time, clocks
/// that differ, and packages that were written down late.
const OVERLAP: TimeDelta = TimeDelta::days(3);

/// How long a package or order that does not get any further is waited for.
pub(super) const UNSETTLED_WINDOW: TimeDelta = TimeDelta::days(30);

/// Orders asked for one by one in a pass, where there is no list.
const MAX_POLLED_ORDERS: u32 = 500;

/// So many of them in a row without an answer, and VeraCore is taken for down.
const MAX_UNANSWERED: u32 = 3;

/// Rows looked up in the ledger at once.
const ROWS_PER_LOOKUP: usize = 1000;

/// What VeraCore tells of orders that are ours.
#[derive(Debug, Default)]
pub(super) struct FetchedReports {
    pub by_order: BTreeMap<OrderCode, Vec<ParcelReport>>,
    /// How many packages came, ours or not.
    pub parcels_seen: u64,
    /// Order numbers that VeraCore shipped and the ledger does not know as sent.
    pub unknown_orders: BTreeSet<OrderCode>,
    /// Those of them of which a package has left.
    pub shipped_unknown_orders: Vec<OrderCode>,
    /// What VeraCore said of orders that it was asked for one by one.
    pub order_statuses: Vec<FoundOrder>,
    /// Rows that could not be understood.
    pub bad_rows: u64,
    pub examples: Vec<String>,
    /// Orders that were asked for one by one in vain, and why.
    pub unanswered_orders: Vec<(OrderCode, String)>,
    /// When a whole reading began, for the next one.
    pub read_started_at: Option<DateTime<Utc>>,
    /// Whether VeraCore's list could not be had, and orders were asked for one by one.
    pub polled_individually: bool,
}

impl TrackingSync {
    /// All packages since the last whole reading, with an overlap; one order after the other where
    /// VeraCore gives no list.
    pub(super) async fn fetch_reports(&self) -> Result<FetchedReports, TrackingError> {
        let began = self.clock.now();
        let since = self.read_since(began).await?;
        match self.fetch_list(since, None).await {
            Ok(mut news) => {
                news.read_started_at = Some(began);
                Ok(news)
            }
            Err(TrackingError::Shipments(error)) if error.class() == FailureClass::Permanent => {
                tracing::warn!(%error, "VeraCore gives no list of shipments; open orders are asked for one by one");
                self.poll_individually().await
            }
            Err(error) => Err(error),
        }
    }

    /// The packages of one order: from the list where it is there, else by its status.
    pub(super) async fn fetch_reports_of(
        &self,
        order: &SentOrder,
    ) -> Result<FetchedReports, TrackingError> {
        let since = order.acknowledged_at.unwrap_or_else(|| self.clock.now()) - OVERLAP;
        let news = match self.fetch_list(since, Some(&order.code)).await {
            Ok(news) if !news.by_order.is_empty() => return Ok(news),
            Ok(news) => news,
            Err(TrackingError::Shipments(error)) if error.class() == FailureClass::Permanent => {
                FetchedReports::default()
            }
            Err(error) => return Err(error),
        };
        let found = self.provider.find_order(&order.code).await?;
        let mut news = news;
        news.order_statuses.extend(found.clone());
        news.add_order_status(&order.code, found);
        Ok(news)
    }

    /// From when on packages must be read.
    async fn read_since(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, TrackingError> {
        let read_at = self.ledger.shipments_cursor().await?;
        let needed = self
            .ledger
            .shipments_lookback_start(now - UNSETTLED_WINDOW, read_at)
            .await?;
        // After a clock that was ahead, the last reading lies in the future.
        let from = read_at.map_or(now, |at| at.min(now));
        Ok(needed.map_or(from, |at| at.min(from)) - OVERLAP)
    }

    async fn fetch_list(
        &self,
        since: DateTime<Utc>,
        only: Option<&OrderCode>,
    ) -> Result<FetchedReports, TrackingError> {
        let mut news = FetchedReports::default();
        let mut pages = PageTracker::default();
        loop {
            if self.tasks.is_stopping() {
                return Err(TrackingError::Stopped);
            }
            let found = self.provider.shipments_page(since, pages.current()).await?;
            self.keep_actionable(found.rows, only, &mut news).await?;
            let Some(next) = found.next else {
                return Ok(news);
            };
            pages.advance(next).map_err(TrackingError::RepeatedPage)?;
        }
    }

    /// Keeps what is ours and not dealt with yet: a server may give the whole history each time.
    async fn keep_actionable(
        &self,
        rows: Vec<FeedRow<Shipment>>,
        only: Option<&OrderCode>,
        news: &mut FetchedReports,
    ) -> Result<(), TrackingError> {
        let mut rows = rows.into_iter();
        loop {
            let mut told_of: BTreeMap<OrderCode, Vec<ParcelReport>> = BTreeMap::new();
            let mut taken = 0;
            for row in rows.by_ref().take(ROWS_PER_LOOKUP) {
                taken += 1;
                match row {
                    Ok(shipment) if only.is_some_and(|code| shipment.order_number != *code) => {}
                    Ok(shipment) => {
                        news.parcels_seen += 1;
                        let code = shipment.order_number.clone();
                        told_of
                            .entry(code)
                            .or_default()
                            .push(parcel_report(shipment));
                    }
                    Err(bad) => news.add_bad_row(&bad),
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
            for shipment in self.ledger.shipments_of_orders(&codes).await? {
                recorded.entry(shipment.order).or_default().push(shipment);
            }
            for (code, told) in told_of {
                let Some(order) = sent.remove(&code) else {
                    if merge_reports(Vec::new(), told)
                        .iter()
                        .any(Parcel::has_shipped)
                    {
                        news.shipped_unknown_orders.push(code.clone());
                    }
                    news.unknown_orders.insert(code);
                    continue;
                };
                let known = recorded.remove(&order).unwrap_or_default();
                if only.is_some()
                    || !merge_reports(known, told.clone())
                        .iter()
                        .all(Parcel::is_idle)
                {
                    news.by_order.entry(code).or_default().extend(told);
                }
            }
        }
    }

    async fn poll_individually(&self) -> Result<FetchedReports, TrackingError> {
        let mut news = FetchedReports {
            polled_individually: true,
            ..FetchedReports::default()
        };
        let mut asked = Vec::new();
        let mut unanswered = 0;
        for code in self
            .ledger
            .tracking_check_candidates(MAX_POLLED_ORDERS)
            .await?
        {
            if self.tasks.is_stopping() || unanswered == MAX_UNANSWERED {
                break;
            }
            match self.provider.find_order(&code).await {
                Ok(found) => {
                    unanswered = 0;
                    news.order_statuses.extend(found.clone());
                    news.add_order_status(&code, found);
                }
                // One order stops no other, but where nobody answers, there is no use in asking on.
                Err(error) => {
                    let clear = error.class() == FailureClass::Permanent;
                    unanswered = if clear { 0 } else { unanswered + 1 };
                    let problem = error.redacted_message();
                    tracing::warn!(order = %code, problem, "VeraCore did not say how far the order is");
                    news.unanswered_orders.push((code.clone(), problem));
                }
            }
            asked.push(code);
        }
        self.ledger.record_tracking_check(&asked).await?;
        Ok(news)
    }
}

impl FetchedReports {
    /// What an order's status tells of its package.
    fn add_order_status(&mut self, code: &OrderCode, found: Option<FoundOrder>) {
        if let Some(told) = found.and_then(report_from_status) {
            self.parcels_seen += 1;
            self.by_order.entry(code.clone()).or_default().push(told);
        }
    }

    fn add_bad_row(&mut self, row: &RowError) {
        self.bad_rows += 1;
        if self.examples.len() < MAX_EXAMPLES {
            tracing::warn!(%row, "VeraCore: a row of the list of shipments makes no sense");
            self.examples.push(row.to_string());
        }
    }
}

/// The one package that an order's status tells of.
fn report_from_status(found: FoundOrder) -> Option<ParcelReport> {
    if found.is_cancelled() {
        return None;
    }
    Some(ParcelReport {
        shipment_id: None,
        tracking_number: Some(found.tracking_number?),
        carrier: found.carrier,
        service: None,
        shipped_at: found.shipped_at,
        provider_status: found.status,
        items: None,
    })
}
