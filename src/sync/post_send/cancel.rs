//! The steps of cancellations: look at VeraCore, tell it, look again.

use std::time::Duration;

use tracing::Instrument as _;

use super::{
    CANCELLATION_BATCH_SIZE,
    cancel_plan::{self, CancelAction},
};
use crate::{
    domain::CancelStatus,
    ledger::{CancelStep, Cancellation, LeaseKey, LedgerError},
    sync::orders::OrderSync,
    telemetry::order_span,
};

/// How long a step is held: a look and the telling. Should it take longer, VeraCore may be told twice,
/// which does no harm.
const LEASE_TTL: Duration = Duration::from_secs(180);

impl OrderSync {
    /// Takes the next step of each cancellation that is due. Returns how many that were. One that
    /// cannot be recorded stops no other.
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
            let what = [LeaseKey::Cancellation(&order.order_id)];
            let Some(hold) = self.ledger.acquire_lease(&what, LEASE_TTL).await? else {
                continue;
            };
            // Somebody else may have taken the step between the look and the hold.
            if self.ledger.is_cancellation_due(order.id).await? {
                match self
                    .process_cancellation(&order)
                    .instrument(order_span(&order.code))
                    .await
                {
                    Err(error) if error.is_data_error() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: the ledger could not record a cancellation's step. Please report this");
                    }
                    other => other?,
                }
                steps += 1;
            }
            self.ledger.release_lease(&hold).await?;
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

    /// To tell it twice does no harm: what is cancelled stays so.
    async fn request_cancel(&self, order: &Cancellation) -> Result<CancelStep, LedgerError> {
        self.ledger.record_cancel_intent(order.id).await?;
        Ok(match self.provider.cancel_order(&order.code).await {
            Ok(answer) => cancel_plan::after_request(order, &answer, self.clock.now()),
            Err(error) => cancel_plan::after_request_error(order, &error, self.clock.now()),
        })
    }
}

fn log_step(order: &Cancellation, step: &CancelStep) {
    let (code, why) = (&order.code, &step.message);
    match step.status {
        same if same == order.status => {
            tracing::debug!(order = %code, again = ?step.next_check_at, "VeraCore: the cancellation goes on: {why}");
        }
        CancelStatus::Stopped => {
            tracing::info!(order = %code, "VeraCore: the cancelled order is stopped: {why}");
        }
        CancelStatus::TooLate => {
            tracing::error!(order = %code, "VeraCore: the order was shipped though it is cancelled in Vendure; have the parcel stopped or brought back");
        }
        CancelStatus::ByHand => {
            tracing::error!(order = %code, "VeraCore: the order is cancelled in Vendure: {why}");
        }
        CancelStatus::Requested => {}
    }
}
