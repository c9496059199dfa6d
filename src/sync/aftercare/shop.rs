//! What VeraCore cancelled of its own accord: noted wherever VeraCore was asked for an order, and told
//! to the shop where `CANCEL_IN_VENDURE` says so.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::Instrument as _;

use super::AT_ONCE;
use crate::{
    domain::{Class, OrderCode},
    fulfillment::FoundOrder,
    ledger::{CancelledThere, Held, Ledger, LedgerError, ShipmentStatus},
    sync::{orders::OrderSync, tracking::plan::EDITED},
    telemetry::of_order,
};

/// Until the shop is told again.
const PAUSE: TimeDelta = TimeDelta::minutes(5);

/// How long it is held: a look at VeraCore, a look at the shop, the telling.
const HOLD: Duration = Duration::from_secs(180);

/// Stands in the order's history.
const REASON: &str = "Cancelled at VeraCore, which does not ship it";

const PART_SHIPPED: &str = "a part of it was shipped, so that it is not cancelled in Vendure by itself: cancel what is left there by hand";

/// What came of telling the shop.
enum Told {
    /// VeraCore has not cancelled it any more.
    Revived(FoundOrder),
    /// Nothing more is to be told.
    Done(String),
    Later(String),
}

/// Notes whether VeraCore has cancelled orders that it has: what it said of them just now.
///
/// # Errors
/// When the database does not answer.
pub(in crate::sync) async fn note_words<'a>(
    ledger: &Ledger,
    found: impl IntoIterator<Item = &'a FoundOrder>,
) -> Result<(), LedgerError> {
    let mut alive: Vec<OrderCode> = Vec::new();
    for order in found {
        if !order.is_cancelled() {
            alive.push(order.number.clone());
        } else if order.is_cancelled_for_good()
            && ledger
                .note_cancelled_there(&order.number, &order.status)
                .await?
        {
            tracing::error!(order = %order.number, status = order.status, "VeraCore: the order is cancelled there, though not in Vendure; have it revived there, or cancel it in Vendure");
        }
    }
    for code in ledger.note_revived_there(&alive).await? {
        tracing::info!(
            order = code,
            "VeraCore: the order is not cancelled there any more"
        );
    }
    Ok(())
}

/// Notes which orders that were taken for stopped VeraCore has shipped all the same.
///
/// # Errors
/// When the database does not answer.
pub(in crate::sync) async fn note_shipped(
    ledger: &Ledger,
    codes: &[OrderCode],
) -> Result<(), LedgerError> {
    for code in ledger.note_shipped_after_stop(codes).await? {
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
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tell_the_shop(&self) -> Result<u64, LedgerError> {
        if !self.settings.cancel_in_shop {
            return Ok(0);
        }
        let mut looked = 0;
        for order in self.ledger.due_for_the_shop(AT_ONCE).await? {
            if self.tasks.stopping() {
                break;
            }
            // Nobody makes a fulfillment of it meanwhile.
            let what = [
                Held::Cancellation(&order.order_id),
                Held::Fulfillments(&order.order_id),
            ];
            let Some(hold) = self.ledger.hold(&what, HOLD).await? else {
                continue;
            };
            // Somebody else may have told it between the look and the hold.
            if self.ledger.is_due_for_the_shop(order.id).await? {
                let told = self.tell_and_note(&order);
                match told.instrument(of_order(&order.code)).await {
                    Err(error) if error.is_about_the_data() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: the ledger could not record what Vendure was told. Please report this");
                    }
                    other => other?,
                }
            }
            self.ledger.let_go(&hold).await?;
            looked += 1;
        }
        Ok(looked)
    }

    async fn tell_and_note(&self, order: &CancelledThere) -> Result<(), LedgerError> {
        let (message, next) = match self.tell_of(order).await {
            Told::Revived(found) => return note_words(&self.ledger, [&found]).await,
            Told::Done(message) => (message, None),
            Told::Later(message) => (message, Some(self.clock.now() + PAUSE)),
        };
        if next.is_none() {
            tracing::warn!(order = %order.code, "VeraCore: cancelled there: {message}");
        } else {
            tracing::debug!(order = %order.code, "VeraCore: cancelled there: {message}");
        }
        self.ledger
            .note_told_the_shop(order.id, &message, next)
            .await
    }

    async fn tell_of(&self, order: &CancelledThere) -> Told {
        match self.provider.find_order(&order.code).await {
            Ok(Some(found)) if found.tracking_number.is_some() || found.shipped_at.is_some() => {
                return Told::Done(PART_SHIPPED.into());
            }
            Ok(Some(found)) if found.is_cancelled_for_good() => {}
            Ok(Some(found)) => {
                return Told::Revived(found);
            }
            Ok(None) => {
                return Told::Done(
                    "VeraCore does not have it any more; nothing is cancelled in Vendure".into(),
                );
            }
            Err(error) => {
                return Told::Later(format!(
                    "VeraCore could not be asked: {}",
                    error.without_its_words()
                ));
            }
        }
        let ids = std::slice::from_ref(&order.order_id);
        let shop = match self.storefront.progress(ids).await {
            Ok(page) => page.orders.into_iter().find(|o| o.code == order.code),
            Err(error) => return Told::Later(format!("Vendure could not be asked: {error}")),
        };
        let Some(shop) = shop else {
            return Told::Done("Vendure does not have the order any more".into());
        };
        if shop.state.is_cancelled() {
            return Told::Done("it is cancelled in Vendure".into());
        }
        if EDITED.contains(&shop.state.as_str()) {
            // Vendure would cancel the lines, and then refuse the rest.
            return Told::Later("it is being edited in Vendure".into());
        }
        if shop.fulfillments.iter().any(|made| !made.is_cancelled()) {
            return Told::Done(PART_SHIPPED.into());
        }
        let codes = std::slice::from_ref(&order.code);
        match self.ledger.shipments_of(codes).await {
            Ok(packages)
                if packages
                    .iter()
                    .all(|package| package.status == ShipmentStatus::Void) => {}
            Ok(_) => return Told::Done(PART_SHIPPED.into()),
            Err(error) => return Told::Later(format!("its packages cannot be read: {error}")),
        }
        match self.storefront.cancel_order(&order.order_id, REASON).await {
            Ok(()) => Told::Done(
                "it was cancelled in Vendure; what was paid is not given back by itself".into(),
            ),
            Err(error) if error.class() == Class::Permanent => Told::Done(format!(
                "Vendure does not cancel it all: {error}; its lines may be cancelled already. Cancel it there by hand"
            )),
            Err(error) => Told::Later(format!("Vendure was told to cancel it: {error}")),
        }
    }
}
