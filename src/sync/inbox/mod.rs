//! Webhooks from VeraCore.
//!
//! A webhook only says that something changed. veracore-sync then asks VeraCore, and writes the
//! response with the plan and the code of the scheduled runs. So webhooks may arrive late, twice and
//! in any order, and outdated data is never written.
//!
//! `signature` authenticates a webhook, [`Inbox`] stores it, and `worker` processes it with
//! `order_notices` and `stock_notices`.

mod order_notices;
mod signature;
mod stock_notices;
mod worker;

use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

pub use signature::{SignatureError, SignatureHeaders};
pub use worker::{InboxQueue, InboxWorker};

use crate::{
    clock::SharedClock,
    domain::NoticeKind,
    fulfillment::{FulfillmentProvider, WebhookBodyError},
    ledger::{Ledger, LedgerError, WebhookIntake},
};

/// Between two log lines about refused webhooks: anybody can send those.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum WebhookRefusal {
    #[error("VERACORE_WEBHOOK_SECRET is not set.")]
    NotConfigured,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("The webhook is invalid: {0}.")]
    Malformed(#[from] WebhookBodyError),
    /// It may be stored anyway; a repetition is harmless.
    #[error("The webhook could not be stored; send it again later.")]
    NotStored,
}

/// Accepts webhooks. Cheap to clone; needs only the ledger.
#[derive(Clone)]
pub struct Inbox {
    secret: Option<SecretString>,
    provider: Arc<dyn FulfillmentProvider>,
    ledger: Ledger,
    clock: SharedClock,
    /// The time of the last log line about a refusal.
    last_logged: Arc<Mutex<Option<Instant>>>,
}

impl Inbox {
    /// Without a secret, every webhook is refused.
    pub fn new(
        secret: Option<SecretString>,
        provider: Arc<dyn FulfillmentProvider>,
        ledger: Ledger,
        clock: SharedClock,
    ) -> Self {
        Self {
            secret,
            provider,
            ledger,
            clock,
            last_logged: Arc::default(),
        }
    }

    pub const fn is_configured(&self) -> bool {
        self.secret.is_some()
    }

    pub async fn receive(
        &self,
        kind: NoticeKind,
        headers: SignatureHeaders<'_>,
        body: &[u8],
    ) -> Result<(), WebhookRefusal> {
        let secret = self.secret.as_ref().ok_or(WebhookRefusal::NotConfigured)?;
        let digest = signature::verify(secret.expose_secret(), headers, body, self.clock.now())
            .inspect_err(|why| self.log_refusal(kind, *why))?;
        let notice = self
            .provider
            .parse_webhook(kind, body)
            .inspect_err(|problem| {
                tracing::warn!(kind = kind.as_str(), %problem, "VeraCore webhook is malformed");
            })?;
        match self.ledger.insert_webhook(&digest, &notice).await {
            Ok(WebhookIntake::New) => {}
            Ok(WebhookIntake::Duplicate) => {
                self.log_refusal(kind, SignatureError::Replayed);
                return Err(SignatureError::Replayed.into());
            }
            Err(error) => {
                self.log_store_failure(kind, &error);
                return Err(WebhookRefusal::NotStored);
            }
        }
        tracing::debug!(kind = kind.as_str(), "VeraCore webhook received");
        Ok(())
    }

    fn log_refusal(&self, kind: NoticeKind, why: SignatureError) {
        if self.take_log_slot() {
            tracing::warn!(
                kind = kind.as_str(),
                %why,
                "VeraCore webhook refused; further refusals are not logged for a minute"
            );
        }
    }

    fn log_store_failure(&self, kind: NoticeKind, error: &LedgerError) {
        if self.take_log_slot() {
            tracing::error!(
                kind = kind.as_str(),
                %error,
                "VeraCore webhook not stored; VeraCore must send it again"
            );
        }
    }

    fn take_log_slot(&self) -> bool {
        let mut last = self.last_logged.lock();
        let due = last.is_none_or(|at| at.elapsed() >= REFUSAL_LOG_INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}
