//! The ledger: all SQL, and the only owner of the pool.
//!
//! Owns what is known about every order, its leases, attempts and packages, the stock that was
//! written, and the runs of the jobs, in Postgres; times come from its clock. Must not call anybody, and decides nothing: it records
//! what it is told, provided that the teller still holds the lease.

mod aftercare;
mod backlog;
mod cancellations;
mod cancelled_there;
mod dashboard;
mod ear;
mod error;
mod events;
mod found;
mod held;
mod history;
mod holds;
mod leases;
mod link;
mod measures;
mod migrate;
mod notes;
mod open;
mod operator;
mod outbox;
mod outcome;
mod privacy;
mod queries;
mod reconcile;
mod runs;
mod sessions;
mod settings;
mod shipments;
mod stock;
mod summary;
mod told;
mod webhooks;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;

pub use aftercare::{
    ChangedPart, PartDigests, PostSendCounts, PostSendLine, PostSendOrder, PostSendState,
};
pub use backlog::Backlog;
pub use cancellations::{CancelStep, Cancellation, MAX_CANCEL_CHECK_DELAY};
pub use cancelled_there::ProviderCancellation;
pub use dashboard::{HourlyOrders, OrderEvent, ParcelProblem};
pub use ear::Topic;
pub use error::LedgerError;
pub use events::UpstreamEvent;
pub use found::{Baseline, KnownStatus};
pub use held::QuarantinedRun;
pub use history::{Attempt, AttemptEnd, AttemptId, AttemptKind, AttemptRecord};
pub use holds::{Lease, LeaseKey};
pub use leases::{ClaimedOrder, SendIntent, SendIntentLine};
pub use measures::{LastSuccess, LedgerMetrics};
pub use notes::{ClaimedNote, NoteOutcome};
pub use open::{SentLine, SentOrder};
pub use operator::{OperatorOutcome, RetryMode};
pub use outbox::{ClaimedEvent, DeliveryOutcome, EventState, RecordedEvent, ResendOutcome};
pub use outcome::{FailureReason, OrderDisposition, SkipReason};
pub use queries::{OrderFilter, OrderGroup, StatusCounts, SyncRecord};
pub use reconcile::{KnownOrder, KnownOrderCount, KnownOrderPage, UnrecordedOrder};
pub use runs::{LatestOccurrence, OccurrenceState, Run, RunId, RunOrigin, RunOutcome};
pub use sessions::SealedToken;
pub use settings::{StoredSettings, StoredValue};
pub use shipments::{
    FulfillmentIntentLine, ParcelItem, ParcelReport, RecordedShipment, ShipmentStatus,
};
pub use stock::{RecordedStockChange, StockChange, StockOutcome};
pub use summary::{SentItem, SentSummary};
pub use webhooks::{ClaimedWebhook, WebhookIntake, WebhookOutcome};

use crate::clock::SharedClock;

/// The ledger. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Ledger {
    pool: link::Pool,
    notify_hub: ear::NotifyHub,
    clock: SharedClock,
    blocking_problem: Arc<Mutex<Option<String>>>,
}

impl Ledger {
    /// A ledger that connects when it is first used: the database may come up later than we do.
    ///
    /// # Errors
    /// When `url` is not a Postgres URL.
    pub fn connect_lazily(
        url: &str,
        max_connections: u32,
        clock: SharedClock,
    ) -> Result<Self, LedgerError> {
        let options: PgConnectOptions = url.parse().map_err(LedgerError::from)?;
        let options = options.application_name("veracore-sync");
        let ear = ear::NotifyHub::default();
        Ok(Self {
            pool: link::Pool::connect_lazily(options, max_connections, ear.clone()),
            notify_hub: ear,
            clock,
            blocking_problem: Arc::default(),
        })
    }

    /// The time of every record.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), LedgerError> {
        sqlx::query_scalar!("select 1 as \"one!\"")
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether the database takes writes.
    ///
    /// # Errors
    /// [`LedgerError::ReadOnly`] when it does not.
    pub async fn ensure_writable(&self) -> Result<(), LedgerError> {
        let read_only = sqlx::query_scalar!(
            "select current_setting('transaction_read_only')::boolean as \"read_only!\""
        )
        .fetch_one(&self.pool)
        .await?;
        if read_only {
            return Err(LedgerError::ReadOnly);
        }
        Ok(())
    }

    /// What keeps orders from being worked on, as those found who tried; nothing when it is over.
    /// A full disk, for one, is not seen before something is written.
    #[must_use]
    pub fn blocking_problem(&self) -> Option<String> {
        let trouble = self.blocking_problem.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_blocking_problem(&self, trouble: Option<String>) {
        *self
            .blocking_problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Ends all connections, and tells other processes of events that were raised here and that
    /// nobody here delivers.
    pub async fn close(&self) {
        for word in [Topic::Events, Topic::Notes] {
            if self.notify_hub.take_pending(word) {
                self.publish(word).await;
            }
        }
        self.pool.close().await;
    }
}
