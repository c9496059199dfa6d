//! What VeraCore tells of its own accord.
//!
//! A webhook is taken for an authenticated word that something changed, and for no more: what is
//! written to the shop is what VeraCore answers when it is asked about it, by the plan and the code
//! of the scheduled passes. So webhooks may come late, twice and in any sequence, and a number that
//! is out of date is never written.
//!
//! `signature` decides whose a webhook is, the inbox here keeps it, and `worker` works on what is kept:
//! `order_notices` on what concerns an order, `stock_notices` on what concerns SKUs. Must not write to the shop
//! itself.

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

/// Between two lines of the log about webhooks that are not VeraCore's: anybody can send those.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WebhookRefusal {
    /// There is no secret, so none can be VeraCore's.
    #[error("VERACORE_WEBHOOK_SECRET is not set.")]
    NotConfigured,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("The webhook makes no sense: {0}.")]
    Malformed(#[from] WebhookBodyError),
    /// It may be stored all the same; to send it again does no harm.
    #[error("The webhook could not be stored; send it again later.")]
    NotStored,
}

/// Where webhooks come in. Cheap to clone; works as soon as the ledger's tables are there.
#[derive(Clone)]
pub struct Inbox {
    secret: Option<SecretString>,
    provider: Arc<dyn FulfillmentProvider>,
    ledger: Ledger,
    clock: SharedClock,
    /// When the log last told of webhooks that were not taken.
    last_logged: Arc<Mutex<Option<Instant>>>,
}

impl Inbox {
    /// Without a secret nothing is taken.
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

    /// Whether there is a secret.
    pub const fn is_configured(&self) -> bool {
        self.secret.is_some()
    }

    /// Takes a webhook that is VeraCore's and makes sense: when this returns, it is stored, and no
    /// death of the process loses it.
    ///
    /// # Errors
    /// Why not; then nothing was stored, but see [`Refusal::NotStored`].
    pub async fn receive(
        &self,
        kind: NoticeKind,
        seal: SignatureHeaders<'_>,
        body: &[u8],
    ) -> Result<(), WebhookRefusal> {
        let secret = self.secret.as_ref().ok_or(WebhookRefusal::NotConfigured)?;
        let digest = signature::verify(secret.expose_secret(), seal, body, self.clock.now())
            .inspect_err(|why| self.log_refusal(kind, *why))?;
        let news = self.provider.parse_webhook(kind, body).inspect_err(|problem| {
            tracing::warn!(kind = kind.as_str(), %problem, "VeraCore: a webhook makes no sense");
        })?;
        match self.ledger.insert_webhook(&digest, &news).await {
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
        tracing::debug!(kind = kind.as_str(), "VeraCore: a webhook came");
        Ok(())
    }

    fn log_refusal(&self, kind: NoticeKind, why: SignatureError) {
        if self.take_log_slot() {
            tracing::warn!(
                kind = kind.as_str(),
                %why,
                "VeraCore: a webhook is refused; others like it are not told of for a minute"
            );
        }
    }

    fn log_store_failure(&self, kind: NoticeKind, error: &LedgerError) {
        if self.take_log_slot() {
            tracing::error!(
                kind = kind.as_str(),
                %error,
                "VeraCore: a webhook could not be stored, and is left to be sent again"
            );
        }
    }

    fn take_log_slot(&self) -> bool {
        let mut told = self.last_logged.lock();
        let due = told.is_none_or(|at| at.elapsed() >= REFUSAL_LOG_INTERVAL);
        if due {
            *told = Some(Instant::now());
        }
        due
    }
}
