//! Parcels: `GetShippingCharge` lists them, `GetOrderInfo` says what they contain.

pub(super) mod charge;
mod date_range;
mod merge;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use chrono::{DateTime, Utc};

use self::{
    charge::ShippingCharge,
    date_range::{DateRange, day_start},
    merge::{is_in_order_info, merge_shipments},
};
use super::{
    super::common::invalid_page_cursor,
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    client::OmsClient,
    order_info::OrderInfo,
    xml::Element,
};
use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode},
    fulfillment::{FeedPage, FeedRow, PageCursor, ProviderError, Shipment},
    http::CallErrorKind,
};

/// Orders of one page. Each may need a call, and a shutdown waits for the page.
const ORDERS_PER_PAGE: usize = 100;

/// Consecutive failed lookups that may still concern single orders; one more fails the page.
const MAX_CONSECUTIVE_FAILURES: u32 = 2;

impl OmsClient {
    pub(super) async fn list_shipments(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        let range = DateRange::new(since, page, self.clock.now(), self.settings.timezone)
            .ok_or_else(invalid_page_cursor)?;
        let mut rows = Vec::new();
        let mut orders: BTreeMap<OrderCode, Vec<ShippingCharge>> = BTreeMap::new();
        for charge in self.list_charges(&range).await? {
            match charge {
                Ok(charge) => orders
                    .entry(charge.order_number.clone())
                    .or_default()
                    .push(charge),
                // Already reported with the first page of these days.
                Err(_) if range.after.is_some() => {}
                Err(bad) => rows.push(Err(bad)),
            }
        }
        let start = range
            .after
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut remaining = orders.range((start, Bound::Unbounded)).peekable();
        let (mut last, mut failures) = (None, 0);
        for (order, charges) in remaining.by_ref().take(ORDERS_PER_PAGE) {
            let info = match self.cached_order_info(order, charges).await {
                Err(error)
                    if failures < MAX_CONSECUTIVE_FAILURES && may_be_order_specific(&error) =>
                {
                    failures += 1;
                    log_contents_unknown(order, &error);
                    None
                }
                result => {
                    failures = 0;
                    result?
                }
            };
            let shipments = merge_shipments(order, charges, info.as_deref());
            rows.extend(shipments.into_iter().map(Ok));
            last = Some(order);
        }
        let next = match remaining.peek().and(last) {
            Some(last) => Some(range.page_after(last)),
            None => range.next_page(),
        };
        Ok(FeedPage { rows, next })
    }

    async fn list_charges(
        &self,
        range: &DateRange,
    ) -> Result<Vec<FeedRow<ShippingCharge>>, ProviderError> {
        let mut charges = Vec::new();
        let mut take = |element: Element| {
            charges.push(ShippingCharge::read(
                charges.len(),
                &element,
                self.settings.timezone,
            ));
        };
        let arguments = [
            ("StartDate", &*day_start(range.from)),
            ("EndDate", &day_start(range.to)),
        ];
        let request = SoapRequest::read("shipments", "GetShippingCharge", &arguments, ORDER_TERMS);
        match self.call(&request, Some(&mut take)).await? {
            SoapReply::Response { .. } => Ok(charges),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }

    /// Gets an order's info from the cache while its parcels in the list do not change.
    async fn cached_order_info(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
    ) -> Result<Option<Arc<OrderInfo>>, ProviderError> {
        let now = self.clock.now();
        if let Some(info) = self.order_info_cache.get(order, charges, now) {
            return Ok(Some(info));
        }
        let Some(info) = self.order_info_or_none(order).await? else {
            return Ok(None);
        };
        let info = Arc::new(info);
        let is_complete = |charge: &ShippingCharge| is_in_order_info(charge, &info.slips);
        // The list may be ahead of the order's info: then fetch it again next time.
        if charges.iter().all(is_complete) {
            self.order_info_cache.insert(order, charges, &info, now);
        }
        Ok(Some(info))
    }

    /// Fetches an order's info; `None` if VeraCore lacks it or its response concerns only this order.
    async fn order_info_or_none(
        &self,
        order: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        match self.fetch_order_info("shipments", order).await {
            Ok(info) => Ok(info.filter(|info| info.number == order.as_str().trim())),
            Err(error) if is_order_specific(&error) => {
                log_contents_unknown(order, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Logs the failure without VeraCore's message, which may quote the customer.
fn log_contents_unknown(order: &OrderCode, error: &ProviderError) {
    let problem = error.redacted_message();
    tracing::warn!(%order, problem, "VeraCore does not say what the order's parcels contain");
}

/// Whether VeraCore may fail for this order only: it was called, and did not refuse our credentials or
/// limit our rate.
fn may_be_order_specific(error: &ProviderError) -> bool {
    let category = error.category();
    error.circuit_open_for().is_none()
        && !matches!(category, ErrorCategory::Auth | ErrorCategory::RateLimited)
}

/// Whether VeraCore responded, but not usably for this order.
fn is_order_specific(error: &ProviderError) -> bool {
    error.class() == FailureClass::Permanent
        || matches!(
            error.call_kind(),
            Some(CallErrorKind::Malformed { .. } | CallErrorKind::TooLarge { .. })
        )
}
