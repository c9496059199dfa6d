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

pub use aftercare::{Aftercare, AftercareCount, CareLine, ChangedPart, InCare, Parts};
pub use backlog::Backlog;
pub use cancellations::{CancelStep, Cancellation, LONGEST_PAUSE};
pub use cancelled_there::CancelledThere;
pub use dashboard::{HourOfOrders, OrderEvent, PackageProblem};
pub use ear::Word;
pub use error::LedgerError;
pub use events::UpstreamEvent;
pub use found::{Baseline, Standing};
pub use held::HeldRun;
pub use history::{Attempt, AttemptEnd, AttemptId, AttemptKind, Trace};
pub use holds::{Held, Hold};
pub use leases::{Claimed, Intent, IntentLine};
pub use measures::{LastSuccess, Measures};
pub use notes::{DueNote, Noted};
pub use open::{SentLine, SentOrder};
pub use operator::{RetryMode, Verdict};
pub use outbox::{Delivery, DueEvent, EventState, RecordedEvent, Resent};
pub use outcome::{Next, Note, SkipReason};
pub use queries::{OrderFilter, OrderGroup, StatusCount, SyncRecord};
pub use reconcile::{KnownCount, KnownOrder, KnownPage, Stranger};
pub use runs::{LatestOccurrence, OccurrenceState, Origin, Run, RunId, RunOutcome};
pub use sessions::SealedToken;
pub use settings::{StoredSettings, StoredValue};
pub use shipments::{IntendedLine, RecordedShipment, ShipmentStatus, Told, ToldItem};
pub use stock::{RecordedChange, StockChange, StockOutcome};
pub use summary::{SentItem, SentSummary};
pub use webhooks::{ClaimedNews, NewsEnd, Taken};

use crate::clock::SharedClock;

/// The ledger. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Ledger {
    pool: link::Pool,
    ear: ear::Ear,
    clock: SharedClock,
    trouble: Arc<Mutex<Option<String>>>,
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
        let ear = ear::Ear::default();
        Ok(Self {
            pool: link::Pool::lazy(options, max_connections, ear.clone()),
            ear,
            clock,
            trouble: Arc::default(),
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
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Ends all connections, and tells other processes of events that were raised here and that
    /// nobody here delivers.
    pub async fn close(&self) {
        for word in [Word::Events, Word::Notes] {
            if self.ear.is_unheeded(word) {
                self.tell(word).await;
            }
        }
        self.pool.close().await;
    }
}
