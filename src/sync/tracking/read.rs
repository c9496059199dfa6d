//! Reads parcels from VeraCore: a list since a point in time, or one order's status.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    parcels::{Parcel, merge_reports, parcel_report},
    service::TrackingSync,
};
use crate::{
    domain::{FailureClass, OrderCode},
    fulfillment::{FeedRow, FoundOrder, MAX_EXAMPLES, RowError, Shipment},
    ledger::{ParcelReport, RecordedShipment, SentOrder},
    sync::{error::SyncError, page_tracker::PageTracker},
};

/// The overlap with the last read: some dates have no time, clocks differ, and parcels may be entered
/// late.
const OVERLAP: TimeDelta = TimeDelta::days(3);

/// The longest that an unsettled parcel or order is checked.
pub(super) const UNSETTLED_WINDOW: TimeDelta = TimeDelta::days(30);

/// The most orders looked up one by one in a run, where there is no list.
const MAX_POLLED_ORDERS: u32 = 500;

/// Consecutive lookups without a response after which VeraCore counts as down.
const MAX_UNANSWERED: u32 = 3;

const ROWS_PER_LOOKUP: usize = 1000;

/// VeraCore's reports for orders of this installation.
#[derive(Debug, Default)]
pub(super) struct FetchedReports {
    pub by_order: BTreeMap<OrderCode, Vec<ParcelReport>>,
    pub parcels_seen: u64,
    /// Shipped orders that the ledger does not have as sent.
    pub unknown_orders: BTreeSet<OrderCode>,
    /// Those of them with a parcel that has left.
    pub shipped_unknown_orders: Vec<OrderCode>,
    /// The statuses of orders that were looked up one by one.
    pub order_statuses: Vec<FoundOrder>,
    pub bad_rows: u64,
    pub examples: Vec<String>,
    /// Orders whose lookup failed, with the reason.
    pub unanswered_orders: Vec<(OrderCode, String)>,
    /// The start of a complete read: the next one's cursor.
    pub read_started_at: Option<DateTime<Utc>>,
    /// VeraCore returned no list, so orders were looked up one by one.
    pub polled_individually: bool,
}

impl TrackingSync {
    /// Reads all parcels since the last complete read, or looks up each open order if VeraCore
    /// provides no list.
    pub(super) async fn fetch_reports(&self) -> Result<FetchedReports, SyncError> {
        let started_at = self.clock.now();
        let since = self.read_since(started_at).await?;
        match self.fetch_list(since, None).await {
            Ok(mut fetched) => {
                fetched.read_started_at = Some(started_at);
                Ok(fetched)
            }
            Err(SyncError::Shipments(error)) if error.class() == FailureClass::Permanent => {
                tracing::warn!(%error, "VeraCore provides no list of shipments; looking up open orders one by one");
                self.poll_individually().await
            }
            Err(error) => Err(error),
        }
    }

    /// Reads one order's parcels from the list, or from its status if the list has none.
    pub(super) async fn fetch_reports_of(
        &self,
        order: &SentOrder,
    ) -> Result<FetchedReports, SyncError> {
        let since = order.acknowledged_at.unwrap_or_else(|| self.clock.now()) - OVERLAP;
        let mut fetched = match self.fetch_list(since, Some(&order.code)).await {
            Ok(fetched) if !fetched.by_order.is_empty() => return Ok(fetched),
            Ok(fetched) => fetched,
            Err(SyncError::Shipments(error)) if error.class() == FailureClass::Permanent => {
                FetchedReports::default()
            }
            Err(error) => return Err(error),
        };
        let found = self.provider.find_order(&order.code).await;
        fetched.add_order_status(&order.code, found.map_err(SyncError::Shipments)?);
        Ok(fetched)
    }

    async fn read_since(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, SyncError> {
        let read_at = self.ledger.shipments_cursor().await?;
        let needed = self
            .ledger
            .shipments_lookback_start(now - UNSETTLED_WINDOW, read_at)
            .await?;
        // The last read may lie in the future if the clock was ahead.
        let from = read_at.map_or(now, |at| at.min(now));
        Ok(needed.map_or(from, |at| at.min(from)) - OVERLAP)
    }

    async fn fetch_list(
        &self,
        since: DateTime<Utc>,
        only: Option<&OrderCode>,
    ) -> Result<FetchedReports, SyncError> {
        let mut fetched = FetchedReports::default();
        let mut pages = PageTracker::default();
        loop {
            if self.tasks.is_stopping() {
                return Err(SyncError::Stopped);
            }
            let page = self.provider.shipments_page(since, pages.current()).await;
            let page = page.map_err(SyncError::Shipments)?;
            self.keep_actionable(page.rows, only, &mut fetched).await?;
            let Some(next) = page.next else {
                return Ok(fetched);
            };
            pages.advance(next, "the list of shipments")?;
        }
    }

    /// Keeps reports of our orders that need processing: a server may return its full history each
    /// time.
    async fn keep_actionable(
        &self,
        rows: Vec<FeedRow<Shipment>>,
        only: Option<&OrderCode>,
        fetched: &mut FetchedReports,
    ) -> Result<(), SyncError> {
        let mut rows = rows.into_iter();
        loop {
            let mut by_order: BTreeMap<OrderCode, Vec<ParcelReport>> = BTreeMap::new();
            let mut taken = 0;
            for row in rows.by_ref().take(ROWS_PER_LOOKUP) {
                taken += 1;
                match row {
                    Ok(shipment) if only.is_some_and(|code| shipment.order_number != *code) => {}
                    Ok(shipment) => {
                        fetched.parcels_seen += 1;
                        by_order
                            .entry(shipment.order_number.clone())
                            .or_default()
                            .push(parcel_report(shipment));
                    }
                    Err(bad) => fetched.add_bad_row(&bad),
                }
            }
            if taken == 0 {
                return Ok(());
            }
            let codes: Vec<OrderCode> = by_order.keys().cloned().collect();
            let sent = self.ledger.sent_orders(&codes).await?;
            let mut sent: BTreeMap<OrderCode, i64> = sent
                .into_iter()
                .map(|order| (order.code, order.id))
                .collect();
            let mut recorded: BTreeMap<i64, Vec<RecordedShipment>> = BTreeMap::new();
            for shipment in self.ledger.shipments_of_orders(&codes).await? {
                recorded.entry(shipment.order).or_default().push(shipment);
            }
            for (code, reports) in by_order {
                let Some(order) = sent.remove(&code) else {
                    if merge_reports(Vec::new(), reports)
                        .iter()
                        .any(Parcel::has_shipped)
                    {
                        fetched.shipped_unknown_orders.push(code.clone());
                    }
                    fetched.unknown_orders.insert(code);
                    continue;
                };
                let known = recorded.remove(&order).unwrap_or_default();
                if only.is_some()
                    || !merge_reports(known, reports.clone())
                        .iter()
                        .all(Parcel::is_idle)
                {
                    fetched.by_order.entry(code).or_default().extend(reports);
                }
            }
        }
    }

    async fn poll_individually(&self) -> Result<FetchedReports, SyncError> {
        let mut fetched = FetchedReports {
            polled_individually: true,
            ..FetchedReports::default()
        };
        let mut checked = Vec::new();
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
                    fetched.add_order_status(&code, found);
                }
                // One order does not stop the others, unless VeraCore is down.
                Err(error) => {
                    let is_permanent = error.class() == FailureClass::Permanent;
                    unanswered = if is_permanent { 0 } else { unanswered + 1 };
                    let problem = error.redacted_message();
                    tracing::warn!(order = %code, problem, "cannot look up the order's status at VeraCore");
                    fetched.unanswered_orders.push((code.clone(), problem));
                }
            }
            checked.push(code);
        }
        self.ledger.record_tracking_check(&checked).await?;
        Ok(fetched)
    }
}

impl FetchedReports {
    /// Adds an order's status and the parcel that it reports.
    fn add_order_status(&mut self, code: &OrderCode, found: Option<FoundOrder>) {
        let Some(found) = found else { return };
        self.order_statuses.push(found.clone());
        if let Some(report) = report_from_status(found) {
            self.parcels_seen += 1;
            self.by_order.entry(code.clone()).or_default().push(report);
        }
    }

    fn add_bad_row(&mut self, row: &RowError) {
        self.bad_rows += 1;
        if self.examples.len() < MAX_EXAMPLES {
            tracing::warn!(%row, "invalid row in VeraCore's list of shipments");
            self.examples.push(row.to_string());
        }
    }
}

/// The one parcel that an order's status reports.
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
