//! Orders that VeraCore cancelled: recorded at each lookup, and cancelled in Vendure if
//! `CANCEL_IN_VENDURE` is set.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::Instrument as _;

use super::cancel::CANCELLATION_BATCH_SIZE;
use crate::{
    domain::{FailureClass, OrderCode},
    fulfillment::FoundOrder,
    ledger::{LeaseKey, Ledger, LedgerError, ProviderCancellation, ShipmentStatus},
    sync::{leases::with_lease, orders::OrderSync},
    telemetry::order_span,
};

/// Between two attempts to cancel in Vendure.
const RETRY_DELAY: TimeDelta = TimeDelta::minutes(5);

/// Covers the lookups at both sides and the cancellation.
const LEASE_TTL: Duration = Duration::from_secs(180);

/// Shown in the order's history in Vendure.
const CANCEL_REASON: &str = "Cancelled at VeraCore, which does not ship it";

const PART_SHIPPED_MESSAGE: &str = "VeraCore shipped a part of the order, so it is not cancelled in Vendure automatically: cancel the rest there";

/// The outcome of an attempt to cancel in Vendure.
enum ShopCancelOutcome {
    /// VeraCore no longer has it cancelled.
    Reinstated(FoundOrder),
    /// Nothing is left to do.
    Done(String),
    Retry(String),
}

/// Records which of the orders just looked up VeraCore has cancelled, or reinstated.
pub(in crate::sync) async fn record_provider_cancellations<'a>(
    ledger: &Ledger,
    found: impl IntoIterator<Item = &'a FoundOrder>,
) -> Result<(), LedgerError> {
    let mut alive: Vec<OrderCode> = Vec::new();
    for order in found {
        if !order.is_cancelled() {
            alive.push(order.number.clone());
        } else if order.is_definitely_cancelled()
            && ledger
                .record_provider_cancellation(&order.number, &order.status)
                .await?
        {
            tracing::error!(order = %order.number, status = order.status, "VeraCore cancelled the order, but Vendure did not; have it reactivated at VeraCore, or cancel it in Vendure");
        }
    }
    for code in ledger.clear_provider_cancellations(&alive).await? {
        tracing::info!(order = code, "VeraCore reactivated the cancelled order");
    }
    Ok(())
}

/// Records the orders that VeraCore shipped although they counted as stopped.
pub(in crate::sync) async fn record_late_shipments(
    ledger: &Ledger,
    codes: &[OrderCode],
) -> Result<(), LedgerError> {
    for code in ledger.record_shipped_after_stop(codes).await? {
        tracing::error!(
            order = code,
            "VeraCore shipped the order although it is cancelled in Vendure; have the parcel stopped or returned"
        );
    }
    Ok(())
}

impl OrderSync {
    /// Cancels in Vendure what VeraCore cancelled, if so configured. Returns how many orders were
    /// processed.
    pub async fn cancel_orders_in_shop(&self) -> Result<u64, LedgerError> {
        if !self.settings.cancel_in_shop {
            return Ok(0);
        }
        let mut processed = 0;
        for order in self
            .ledger
            .due_provider_cancellations(CANCELLATION_BATCH_SIZE)
            .await?
        {
            if self.tasks.is_stopping() {
                break;
            }
            // The lease also keeps tracking from creating a fulfillment meanwhile.
            let keys = [
                LeaseKey::Cancellation(&order.order_id),
                LeaseKey::Fulfillments(&order.order_id),
            ];
            let attempt = with_lease(&self.ledger, &keys, LEASE_TTL, async |_| {
                // Another replica may have done it before the lease.
                if !self.ledger.is_provider_cancellation_due(order.id).await? {
                    return Ok(());
                }
                let attempt = self.cancel_and_record(&order);
                match attempt.instrument(order_span(&order.code)).await {
                    Err(error) if error.is_data_error() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: cancellation in Vendure not recorded by the ledger; please report this");
                        Ok(())
                    }
                    other => other,
                }
            });
            processed += u64::from(attempt.await?.transpose()?.is_some());
        }
        Ok(processed)
    }

    async fn cancel_and_record(&self, order: &ProviderCancellation) -> Result<(), LedgerError> {
        let (message, next) = match self.try_cancel_in_shop(order).await {
            ShopCancelOutcome::Reinstated(found) => {
                return record_provider_cancellations(&self.ledger, [&found]).await;
            }
            ShopCancelOutcome::Done(message) => (message, None),
            ShopCancelOutcome::Retry(message) => (message, Some(self.clock.now() + RETRY_DELAY)),
        };
        if next.is_none() {
            tracing::warn!(order = %order.code, "VeraCore cancelled the order: {message}");
        } else {
            tracing::debug!(order = %order.code, "VeraCore cancelled the order: {message}");
        }
        self.ledger
            .record_shop_cancel_attempt(order.id, &message, next)
            .await
    }

    async fn try_cancel_in_shop(&self, order: &ProviderCancellation) -> ShopCancelOutcome {
        if let Err(outcome) = self.check_cancellable(order).await {
            return outcome;
        }
        let cancelled = self.storefront.cancel_order(&order.order_id, CANCEL_REASON);
        match cancelled.await {
            Ok(()) => done("cancelled in Vendure; refund the payment there"),
            Err(error) if error.class() == FailureClass::Permanent => {
                ShopCancelOutcome::Done(format!(
                    "Vendure did not cancel all of it: {error}; its lines may already be cancelled. Cancel it there"
                ))
            }
            Err(error) => retry(format!("Vendure may not have cancelled it: {error}")),
        }
    }

    /// Checks that VeraCore has cancelled the order, and that nothing of it was shipped.
    async fn check_cancellable(
        &self,
        order: &ProviderCancellation,
    ) -> Result<(), ShopCancelOutcome> {
        let found = self.provider.find_order(&order.code).await;
        let found = found.map_err(|error| {
            retry(format!(
                "VeraCore lookup failed: {}",
                error.redacted_message()
            ))
        })?;
        match found {
            Some(found) if found.tracking_number.is_some() || found.shipped_at.is_some() => {
                return Err(done(PART_SHIPPED_MESSAGE));
            }
            Some(found) if found.is_definitely_cancelled() => {}
            Some(found) => return Err(ShopCancelOutcome::Reinstated(found)),
            None => {
                return Err(done(
                    "VeraCore no longer has the order; nothing is cancelled in Vendure",
                ));
            }
        }
        let ids = std::slice::from_ref(&order.order_id);
        let page = self.storefront.fulfillment_progress(ids).await;
        let page = page.map_err(|error| retry(format!("Vendure lookup failed: {error}")))?;
        let shop = page.orders.into_iter().find(|shop| shop.code == order.code);
        let shop = shop.ok_or_else(|| done("Vendure no longer has the order"))?;
        if shop.state.is_cancelled() {
            return Err(done("cancelled in Vendure"));
        }
        if shop.state.is_being_edited() {
            // Vendure would cancel the lines and then refuse the rest.
            return Err(retry("the order is being edited in Vendure".into()));
        }
        if shop.fulfillments.iter().any(|made| !made.is_cancelled()) {
            return Err(done(PART_SHIPPED_MESSAGE));
        }
        let codes = std::slice::from_ref(&order.code);
        let parcels = self.ledger.shipments_of_orders(codes).await;
        let parcels = parcels
            .map_err(|error| retry(format!("the ledger could not read its parcels: {error}")))?;
        let mut statuses = parcels.iter().map(|parcel| parcel.status);
        if statuses.any(|status| status != ShipmentStatus::Void) {
            return Err(done(PART_SHIPPED_MESSAGE));
        }
        Ok(())
    }
}

fn done(message: &str) -> ShopCancelOutcome {
    ShopCancelOutcome::Done(message.to_owned())
}

const fn retry(message: String) -> ShopCancelOutcome {
    ShopCancelOutcome::Retry(message)
}
