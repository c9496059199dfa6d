//! The steps of cancellations: look at VeraCore, tell it, look again.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

use super::{
    AT_ONCE,
    decide::{self, Step},
};
use crate::{
    domain::CancelStatus,
    fulfillment::ProviderError,
    ledger::{CancelStep, Cancellation, Held, LedgerError},
    sync::orders::OrderSync,
};

/// The first and the longest pause after VeraCore could not be asked.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How long a step is held: a look, the telling, a look.
const HOLD: Duration = Duration::from_secs(120);

impl OrderSync {
    /// Takes the next step of each cancellation that is due. Returns how many that were.
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
                self.step(&order).await?;
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
            Err(error) => unanswered(order, &error, self.clock.now()),
        };
        self.ledger.note_cancellation(order, &step).await?;
        say(order, &step);
        Ok(())
    }

    /// To tell it twice does no harm: what is cancelled stays so.
    async fn tell(&self, order: &Cancellation) -> Result<CancelStep, LedgerError> {
        self.ledger.intend_cancellation(order.id).await?;
        Ok(match self.provider.cancel_order(&order.code).await {
            Ok(answer) => decide::after_telling(&answer, self.clock.now()),
            Err(error) => unanswered(order, &error, self.clock.now()),
        })
    }
}

/// It is as it was, and tried again.
fn unanswered(order: &Cancellation, error: &ProviderError, now: DateTime<Utc>) -> CancelStep {
    let pause = error
        .parked_for()
        .or_else(|| error.retry_after())
        .and_then(|pause| TimeDelta::from_std(pause).ok())
        .unwrap_or(PAUSE);
    CancelStep {
        status: order.status,
        message: format!("VeraCore could not be asked: {}", error.without_its_words()),
        next: Some(now + pause.clamp(TimeDelta::seconds(1), TimeDelta::hours(1))),
        counted: false,
    }
}

fn say(order: &Cancellation, step: &CancelStep) {
    if step.status == order.status {
        return;
    }
    let code = &order.code;
    match step.status {
        CancelStatus::Stopped => {
            tracing::info!(order = %code, "VeraCore: the cancelled order is stopped: {}", step.message);
        }
        CancelStatus::TooLate => {
            tracing::error!(order = %code, "VeraCore: the order was shipped though it is cancelled in Vendure; have the parcel stopped or brought back");
        }
        CancelStatus::ByHand => {
            tracing::error!(order = %code, "VeraCore: the order is cancelled in Vendure: {}", step.message);
        }
        CancelStatus::Requested => {}
    }
}
