//! What VeraCore tells of its own accord.
//!
//! A webhook is taken for an authenticated word that something changed, and for no more: what is
//! written to the shop is what VeraCore answers when it is asked about it, by the plan and the code
//! of the scheduled passes. So webhooks may come late, twice and in any sequence, and a number that
//! is out of date is never written.
//!
//! `seal` decides whose a webhook is, the inbox here keeps it, and `worker` works on what is kept:
//! `orders` on what concerns an order, `stock` on what concerns SKUs. Must not write to the shop
//! itself.

mod orders;
mod seal;
mod stock;
mod worker;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

pub use seal::{Seal, Unsigned};
pub use worker::{Desk, Worker};

use crate::{
    clock::SharedClock,
    domain::NewsKind,
    fulfillment::{BadNews, FulfillmentProvider},
    ledger::{Ledger, LedgerError, Taken},
};

/// Between two lines of the log about webhooks that are not VeraCore's: anybody can send those.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no secret, so none can be VeraCore's.
    #[error("VERACORE_WEBHOOK_SECRET is not set.")]
    Closed,
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error("The webhook makes no sense: {0}.")]
    Bad(#[from] BadNews),
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
    told: Arc<Mutex<Option<Instant>>>,
}

impl Inbox {
    /// Without a secret nothing is taken.
    #[must_use]
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
            told: Arc::default(),
        }
    }

    /// Whether there is a secret.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.secret.is_some()
    }

    /// Takes a webhook that is VeraCore's and makes sense: when this returns, it is stored, and no
    /// death of the process loses it.
    ///
    /// # Errors
    /// Why not; then nothing was stored, but see [`Refusal::NotStored`].
    pub async fn receive(
        &self,
        kind: NewsKind,
        seal: Seal<'_>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let secret = self.secret.as_ref().ok_or(Refusal::Closed)?;
        let digest = seal::check(secret.expose_secret(), seal, body, self.clock.now())
            .inspect_err(|why| self.tell(kind, *why))?;
        let news = self.provider.read_webhook(kind, body).inspect_err(|problem| {
            tracing::warn!(kind = kind.as_str(), %problem, "VeraCore: a webhook makes no sense");
        })?;
        match self.ledger.take_in_news(&digest, &news).await {
            Ok(Taken::Now) => {}
            Ok(Taken::Before) => {
                self.tell(kind, Unsigned::Replayed);
                return Err(Unsigned::Replayed.into());
            }
            Err(error) => {
                self.tell_failure(kind, &error);
                return Err(Refusal::NotStored);
            }
        }
        tracing::debug!(kind = kind.as_str(), "VeraCore: a webhook came");
        Ok(())
    }

    fn tell(&self, kind: NewsKind, why: Unsigned) {
        if self.is_time_to_tell() {
            tracing::warn!(
                kind = kind.as_str(),
                %why,
                "VeraCore: a webhook is refused; others like it are not told of for a minute"
            );
        }
    }

    fn tell_failure(&self, kind: NewsKind, error: &LedgerError) {
        if self.is_time_to_tell() {
            tracing::error!(
                kind = kind.as_str(),
                %error,
                "VeraCore: a webhook could not be stored, and is left to be sent again"
            );
        }
    }

    fn is_time_to_tell(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|at| at.elapsed() >= TOLD_EVERY);
        if due {
            *told = Some(Instant::now());
        }
        due
    }
}
