//! What VeraCore cancelled of its own accord: noted wherever VeraCore was asked for an order, and told
//! to the shop where `CANCEL_IN_VENDURE` says so.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::Instrument as _;

use super::CANCELLATION_BATCH_SIZE;
use crate::{
    domain::{FailureClass, OrderCode},
    fulfillment::FoundOrder,
    ledger::{LeaseKey, Ledger, LedgerError, ProviderCancellation, ShipmentStatus},
    sync::orders::OrderSync,
    telemetry::order_span,
};

/// Until the shop is told again.
const RETRY_DELAY: TimeDelta = TimeDelta::minutes(5);

/// How long it is held: a look at VeraCore, a look at the shop, the telling.
const LEASE_TTL: Duration = Duration::from_secs(180);

/// Stands in the order's history.
const CANCEL_REASON: &str = "Cancelled at VeraCore, which does not ship it";

const PART_SHIPPED_MESSAGE: &str = "a part of it was shipped, so that it is not cancelled in Vendure by itself: cancel what is left there by hand";

/// What came of telling the shop.
enum ShopCancelOutcome {
    /// VeraCore has not cancelled it any more.
    Reinstated(FoundOrder),
    /// Nothing more is to be told.
    Done(String),
    Retry(String),
}

/// Notes whether VeraCore has cancelled orders that it has: what it said of them just now.
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
            tracing::error!(order = %order.number, status = order.status, "VeraCore: the order is cancelled there, though not in Vendure; have it revived there, or cancel it in Vendure");
        }
    }
    for code in ledger.clear_provider_cancellations(&alive).await? {
        tracing::info!(
            order = code,
            "VeraCore: the order is not cancelled there any more"
        );
    }
    Ok(())
}

/// Notes which orders that were taken for stopped VeraCore has shipped all the same.
pub(in crate::sync) async fn record_late_shipments(
    ledger: &Ledger,
    codes: &[OrderCode],
) -> Result<(), LedgerError> {
    for code in ledger.record_shipped_after_stop(codes).await? {
        tracing::error!(
            order = code,
            "VeraCore: the order was shipped though it is cancelled in Vendure; have the parcel stopped or brought back"
        );
    }
    Ok(())
}

impl OrderSync {
    /// Cancels in the shop what VeraCore has cancelled, where that is wanted. Returns how many orders
    /// were looked at.
    pub async fn cancel_orders_in_shop(&self) -> Result<u64, LedgerError> {
        if !self.settings.cancel_in_shop {
            return Ok(0);
        }
        let mut looked = 0;
        for order in self
            .ledger
            .due_provider_cancellations(CANCELLATION_BATCH_SIZE)
            .await?
        {
            if self.tasks.is_stopping() {
                break;
            }
            // Nobody makes a fulfillment of it meanwhile.
            let what = [
                LeaseKey::Cancellation(&order.order_id),
                LeaseKey::Fulfillments(&order.order_id),
            ];
            let Some(hold) = self.ledger.acquire_lease(&what, LEASE_TTL).await? else {
                continue;
            };
            // Somebody else may have told it between the look and the hold.
            if self.ledger.is_provider_cancellation_due(order.id).await? {
                let told = self.cancel_and_record(&order);
                match told.instrument(order_span(&order.code)).await {
                    Err(error) if error.is_data_error() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: the ledger could not record what Vendure was told. Please report this");
                    }
                    other => other?,
                }
            }
            self.ledger.release_lease(&hold).await?;
            looked += 1;
        }
        Ok(looked)
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
            tracing::warn!(order = %order.code, "VeraCore: cancelled there: {message}");
        } else {
            tracing::debug!(order = %order.code, "VeraCore: cancelled there: {message}");
        }
        self.ledger
            .record_shop_cancel_attempt(order.id, &message, next)
            .await
    }

    async fn try_cancel_in_shop(&self, order: &ProviderCancellation) -> ShopCancelOutcome {
        match self.provider.find_order(&order.code).await {
            Ok(Some(found)) if found.tracking_number.is_some() || found.shipped_at.is_some() => {
                return ShopCancelOutcome::Done(PART_SHIPPED_MESSAGE.into());
            }
            Ok(Some(found)) if found.is_definitely_cancelled() => {}
            Ok(Some(found)) => {
                return ShopCancelOutcome::Reinstated(found);
            }
            Ok(None) => {
                return ShopCancelOutcome::Done(
                    "VeraCore does not have it any more; nothing is cancelled in Vendure".into(),
                );
            }
            Err(error) => {
                return ShopCancelOutcome::Retry(format!(
                    "VeraCore could not be asked: {}",
                    error.redacted_message()
                ));
            }
        }
        let ids = std::slice::from_ref(&order.order_id);
        let shop = match self.storefront.fulfillment_progress(ids).await {
            Ok(page) => page.orders.into_iter().find(|o| o.code == order.code),
            Err(error) => {
                return ShopCancelOutcome::Retry(format!("Vendure could not be asked: {error}"));
            }
        };
        let Some(shop) = shop else {
            return ShopCancelOutcome::Done("Vendure does not have the order any more".into());
        };
        if shop.state.is_cancelled() {
            return ShopCancelOutcome::Done("it is cancelled in Vendure".into());
        }
        if shop.state.is_being_edited() {
            // Vendure would cancel the lines, and then refuse the rest.
            return ShopCancelOutcome::Retry("it is being edited in Vendure".into());
        }
        if shop.fulfillments.iter().any(|made| !made.is_cancelled()) {
            return ShopCancelOutcome::Done(PART_SHIPPED_MESSAGE.into());
        }
        let codes = std::slice::from_ref(&order.code);
        match self.ledger.shipments_of_orders(codes).await {
            Ok(packages)
                if packages
                    .iter()
                    .all(|package| package.status == ShipmentStatus::Void) => {}
            Ok(_) => return ShopCancelOutcome::Done(PART_SHIPPED_MESSAGE.into()),
            Err(error) => {
                return ShopCancelOutcome::Retry(format!("its packages cannot be read: {error}"));
            }
        }
        match self
            .storefront
            .cancel_order(&order.order_id, CANCEL_REASON)
            .await
        {
            Ok(()) => ShopCancelOutcome::Done(
                "it was cancelled in Vendure; what was paid is not given back by itself".into(),
            ),
            Err(error) if error.class() == FailureClass::Permanent => {
                ShopCancelOutcome::Done(format!(
                    "Vendure does not cancel it all: {error}; its lines may be cancelled already. Cancel it there by hand"
                ))
            }
            Err(error) => {
                ShopCancelOutcome::Retry(format!("Vendure was told to cancel it: {error}"))
            }
        }
    }
}
