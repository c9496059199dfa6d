//! The steps of a cancellation at VeraCore: look up, request, confirm.

use std::time::Duration;

use tracing::Instrument as _;

use super::cancel_plan::{self, CancelAction};
use crate::{
    domain::CancelStatus,
    ledger::{CancelStep, Cancellation, LeaseKey, LedgerError},
    sync::{leases::with_lease, orders::OrderSync},
    telemetry::order_span,
};

/// Cancellations processed per round, here and in Vendure.
pub(super) const CANCELLATION_BATCH_SIZE: u32 = 50;

/// Covers a lookup and a request. If it expires, VeraCore may be asked twice, which is harmless.
const LEASE_TTL: Duration = Duration::from_secs(180);

impl OrderSync {
    /// Takes the next step of each due cancellation, and returns how many. A step that the ledger
    /// cannot record stops no other.
    pub async fn process_cancellations(&self) -> Result<u64, LedgerError> {
        let mut steps = 0;
        for order in self
            .ledger
            .due_cancellations(CANCELLATION_BATCH_SIZE)
            .await?
        {
            if self.tasks.is_stopping() {
                break;
            }
            let key = [LeaseKey::Cancellation(&order.order_id)];
            let step = with_lease(&self.ledger, &key, LEASE_TTL, async |_| {
                // Another replica may have taken the step before the lease.
                if !self.ledger.is_cancellation_due(order.id).await? {
                    return Ok(0);
                }
                match self
                    .process_cancellation(&order)
                    .instrument(order_span(&order.code))
                    .await
                {
                    Err(error) if error.is_data_error() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: cancellation step not recorded by the ledger; please report this");
                    }
                    other => other?,
                }
                Ok::<u64, LedgerError>(1)
            });
            steps += step.await?.transpose()?.unwrap_or_default();
        }
        Ok(steps)
    }

    async fn process_cancellation(&self, order: &Cancellation) -> Result<(), LedgerError> {
        let step = match self.provider.find_order(&order.code).await {
            Ok(found) => {
                let can_cancel = self.provider.supports_cancellation();
                let now = self.clock.now();
                match cancel_plan::after_lookup(order, found.as_ref(), can_cancel, now) {
                    CancelAction::Record(step) => step,
                    CancelAction::Request => self.request_cancel(order).await?,
                }
            }
            Err(error) => cancel_plan::after_lookup_error(order, &error, self.clock.now()),
        };
        if self.ledger.record_cancel_step(order, &step).await? {
            log_step(order, &step);
        }
        Ok(())
    }

    /// A repeated request is harmless: a cancelled order stays cancelled.
    async fn request_cancel(&self, order: &Cancellation) -> Result<CancelStep, LedgerError> {
        self.ledger.record_cancel_intent(order.id).await?;
        Ok(match self.provider.cancel_order(&order.code).await {
            Ok(answer) => cancel_plan::after_request(order, &answer, self.clock.now()),
            Err(error) => cancel_plan::after_request_error(order, &error, self.clock.now()),
        })
    }
}

fn log_step(order: &Cancellation, step: &CancelStep) {
    let (code, message) = (&order.code, &step.message);
    match step.status {
        same if same == order.status => {
            tracing::debug!(order = %code, again = ?step.next_check_at, "VeraCore: cancellation in progress: {message}");
        }
        CancelStatus::Stopped => {
            tracing::info!(order = %code, "VeraCore: cancelled order stopped: {message}");
        }
        CancelStatus::TooLate => {
            tracing::error!(order = %code, "VeraCore shipped the order although it is cancelled in Vendure; have the parcel stopped or returned");
        }
        CancelStatus::ByHand => {
            tracing::error!(order = %code, "VeraCore: order is cancelled in Vendure: {message}");
        }
        CancelStatus::Requested => {}
    }
}
