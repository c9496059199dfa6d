//! The handle to the ledger.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sqlx::{
    Postgres,
    postgres::{PgArguments, PgConnectOptions},
    query::Query,
};

use super::db::{error::LedgerError, notify::NotifyHub, pool::Pool};
use crate::{clock::SharedClock, crash};

/// The ledger. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Ledger {
    pub(super) pool: Pool,
    pub(super) notify_hub: NotifyHub,
    clock: SharedClock,
    blocking_problem: Arc<Mutex<Option<String>>>,
}

impl Ledger {
    /// Creates a ledger that connects on first use: the database may start later than the daemon.
    ///
    /// # Errors
    /// If `url` is not a Postgres URL.
    pub fn connect_lazily(
        url: &str,
        max_connections: u32,
        clock: SharedClock,
    ) -> Result<Self, LedgerError> {
        let options: PgConnectOptions = url.parse().map_err(LedgerError::from)?;
        let options = options.application_name("veracore-sync");
        let notify_hub = NotifyHub::default();
        Ok(Self {
            pool: Pool::connect_lazily(options, max_connections, notify_hub.clone()),
            notify_hub,
            clock,
            blocking_problem: Arc::default(),
        })
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub async fn ping(&self) -> Result<(), LedgerError> {
        sqlx::query_scalar!("select 1 as \"one!\"")
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// [`LedgerError::ReadOnly`] when the database takes no writes.
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

    /// Executes a statement that is a whole write, between two crash points. Returns the number of rows.
    pub(super) async fn write(
        &self,
        name: &'static str,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", name);
        Ok(statement.execute(&self.pool).await?.rows_affected())
    }

    /// Returns the problem that blocks the order workers, such as a full disk. Some problems show only
    /// on a write, so the workers report them.
    pub fn blocking_problem(&self) -> Option<String> {
        self.blocking_problem.lock().clone()
    }

    pub(crate) fn set_blocking_problem(&self, problem: Option<String>) {
        *self.blocking_problem.lock() = problem;
    }
}
