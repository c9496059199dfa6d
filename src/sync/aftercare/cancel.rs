//! The steps of cancellations: look at VeraCore, tell it, look again.

use std::time::Duration;

use tracing::Instrument as _;

use super::{
    AT_ONCE,
    decide::{self, Step},
};
use crate::{
    domain::CancelStatus,
    ledger::{CancelStep, Cancellation, Held, LedgerError},
    sync::orders::OrderSync,
    telemetry::of_order,
};

/// How long a step is held: a look and the telling. Should it take longer, VeraCore may be told twice,
/// which does no harm.
const HOLD: Duration = Duration::from_secs(180);

impl OrderSync {
    /// Takes the next step of each cancellation that is due. Returns how many that were. One that
    /// cannot be recorded stops no other.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn step_cancellations(&self) -> Result<u64, LedgerError> {
        let mut steps = 0;
        for order in self.ledger.due_cancellations(AT_ONCE).await? {
            if self.tasks.stopping() {
                break;
            }
            let what = [Held::Cancellation(&order.order_id)];
            let Some(hold) = self.ledger.hold(&what, HOLD).await? else {
                continue;
            };
            // Somebody else may have taken the step between the look and the hold.
            if self.ledger.is_cancellation_due(order.id).await? {
                match self.step(&order).instrument(of_order(&order.code)).await {
                    Err(error) if error.is_about_the_data() => {
                        tracing::error!(order = %order.code, %error, "VeraCore: the ledger could not record a cancellation's step. Please report this");
                    }
                    other => other?,
                }
                steps += 1;
            }
            self.ledger.let_go(&hold).await?;
        }
        Ok(steps)
    }

    async fn step(&self, order: &Cancellation) -> Result<(), LedgerError> {
        let step = match self.provider.find_order(&order.code).await {
            Ok(found) => {
                let can_cancel = self.provider.can_cancel();
                let now = self.clock.now();
                match decide::after_look(order, found.as_ref(), can_cancel, now) {
                    Step::Note(step) => step,
                    Step::Tell => self.tell(order).await?,
                }
            }
            Err(error) => decide::after_silence(order, &error, self.clock.now()),
        };
        if self.ledger.note_cancellation(order, &step).await? {
            say(order, &step);
        }
        Ok(())
    }

    /// To tell it twice does no harm: what is cancelled stays so.
    async fn tell(&self, order: &Cancellation) -> Result<CancelStep, LedgerError> {
        self.ledger.intend_cancellation(order.id).await?;
        Ok(match self.provider.cancel_order(&order.code).await {
            Ok(answer) => decide::after_telling(order, &answer, self.clock.now()),
            Err(error) => decide::after_refusal(order, &error, self.clock.now()),
        })
    }
}

fn say(order: &Cancellation, step: &CancelStep) {
    let (code, why) = (&order.code, &step.message);
    match step.status {
        same if same == order.status => {
            tracing::debug!(order = %code, again = ?step.next, "VeraCore: the cancellation goes on: {why}");
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
