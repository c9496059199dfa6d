//! The handle through which everybody uses the ledger.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;

use super::db::{error::LedgerError, notify::NotifyHub, pool::Pool};
use crate::clock::SharedClock;

/// The ledger. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Ledger {
    pub(super) pool: Pool,
    pub(super) notify_hub: NotifyHub,
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
        let ear = NotifyHub::default();
        Ok(Self {
            pool: Pool::connect_lazily(options, max_connections, ear.clone()),
            notify_hub: ear,
            clock,
            blocking_problem: Arc::default(),
        })
    }

    /// The time of every record.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Whether the database answers.
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
    pub fn blocking_problem(&self) -> Option<String> {
        let trouble = self.blocking_problem.lock();
        trouble.clone()
    }

    pub(crate) fn set_blocking_problem(&self, trouble: Option<String>) {
        *self.blocking_problem.lock() = trouble;
    }
}
