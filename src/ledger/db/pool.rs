//! sqlx's connection pool with a deadline on every operation.
//!
//! sqlx limits the wait for a connection, and Postgres the run time of a statement. Neither limits
//! the wait for a response when packets are lost or the server hangs; this file does.

use parking_lot::Mutex;
use std::{
    fmt,
    future::Future,
    io,
    ops::{Deref, DerefMut},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgConnection, PgPool, PgTransaction, Postgres,
    SqlStr,
    pool::PoolConnection,
    postgres::{
        PgConnectOptions, PgListener, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
    },
};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::notify::{NotifyHub, Topic};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits a statement's run time, and plans each statement for its values: a generic plan cannot use
/// an index where a filter may be null.
const SESSION_SETUP: &str =
    "set statement_timeout = '30s'; set plan_cache_mode = force_custom_plan";

/// Limit on the wait for a response. Longer than `statement_timeout`, which comes first if Postgres is up.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(35);

/// Limit on the check of a connection that returns to the pool.
const RELEASE_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection used this recently is not pinged first: the ping costs as much as most statements.
/// Short, because a statement fails if the database restarted in between.
const SKIP_PING_WITHIN: Duration = Duration::from_secs(1);

/// Limit on a ping. Less than [`CONNECT_TIMEOUT`], to leave time for another connection.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

type BoxedResult<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
type StepStream<'e> = Pin<Box<dyn Stream<Item = Step> + Send + 'e>>;
type Step = Result<Either<PgQueryResult, PgRow>, Error>;

fn is_timeout(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

fn timeout_error() -> Error {
    let message = format!("no response within {} s", RESPONSE_TIMEOUT.as_secs());
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// The time of the last connection error. Its cause, such as a restart, also broke the idle
/// connections: they are pinged before use.
#[derive(Debug, Clone, Default)]
struct LastFailure(Arc<Mutex<Option<Instant>>>);

impl LastFailure {
    fn record(&self, error: &Error) {
        if is_connection_error(error) {
            *self.0.lock() = Some(Instant::now());
        }
    }

    fn needs_ping(&self, idle_for: Duration) -> bool {
        let last = *self.0.lock();
        idle_for >= SKIP_PING_WITHIN || last.is_some_and(|at| at.elapsed() <= idle_for)
    }

    async fn with_deadline<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = timeout(RESPONSE_TIMEOUT, work)
            .await
            .unwrap_or_else(|_| Err(timeout_error()));
        done.inspect_err(|error| self.record(error))
    }
}

fn is_connection_error(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) => true,
        // Shut down, crashed, idle for too long, or the same reported by a proxy.
        Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

async fn is_outside_transaction(connection: &mut PgConnection) -> Result<bool, Error> {
    // Outside a transaction, a statement of the simple protocol starts its own at the same moment.
    let query = "select transaction_timestamp() = statement_timestamp()";
    let row = sqlx::raw_sql(query).fetch_one(connection).await?;
    sqlx::Row::try_get(&row, 0)
}

/// The connection pool. It executes statements, as each of its connections does.
#[derive(Clone)]
pub(crate) struct Pool {
    pool: PgPool,
    last_failure: LastFailure,
    options: PgConnectOptions,
    notify_hub: NotifyHub,
}

impl Pool {
    pub(crate) fn connect_lazily(
        options: PgConnectOptions,
        max_connections: u32,
        notify_hub: NotifyHub,
    ) -> Self {
        let last_failure = LastFailure::default();
        let last_failure_of_all = last_failure.clone();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let needs_ping = last_failure_of_all.needs_ping(about.idle_for);
                let last_failure = last_failure_of_all.clone();
                Box::pin(async move {
                    if !needs_ping {
                        return Ok(true);
                    }
                    let ping = timeout(PING_TIMEOUT, sqlx::Connection::ping(connection)).await;
                    let ping = ping.unwrap_or_else(|_| Err(timeout_error()));
                    let is_usable = ping.inspect_err(|error| last_failure.record(error)).is_ok();
                    if !is_usable {
                        tracing::info!("database connection lost, reconnecting");
                    }
                    Ok(is_usable)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SESSION_SETUP).execute(connection).await?;
                    Ok(())
                })
            })
            // sqlx pings a connection that returns to the pool, without a deadline. And if `begin` was
            // cancelled while it waited, sqlx does not know of the transaction (its issue 4393): the
            // next user's writes would be in it, and be lost.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let check =
                        timeout(RELEASE_CHECK_TIMEOUT, is_outside_transaction(connection)).await;
                    check.unwrap_or_else(|_| Err(timeout_error()))
                })
            });
        Self {
            pool: pool.connect_lazy_with(options.clone()),
            last_failure,
            options,
            notify_hub,
        }
    }

    /// Listens to a channel on a connection outside the pool. Waiting for notifications has no
    /// deadline; the listener reports a lost connection.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PgListener, Error> {
        // A pool of its own each time: no harm if it never gets its connection back.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(self.options.clone());
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(channel).await?;
            Ok(listener)
        };
        self.last_failure.with_deadline(listening).await
    }

    pub(crate) async fn acquire(&self) -> Result<Connection, Error> {
        Ok(self.wrap_connection(ConnectionKind::Pooled(self.pool.acquire().await?)))
    }

    /// Begins a transaction; repeated once on another connection if the first one is broken.
    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        let begun = match self.last_failure.with_deadline(self.pool.begin()).await {
            Err(error) if is_connection_error(&error) && !is_timeout(&error) => {
                self.last_failure.with_deadline(self.pool.begin()).await
            }
            begun => begun,
        };
        Ok(Transaction(
            self.wrap_connection(ConnectionKind::InTransaction(begun?)),
        ))
    }

    fn wrap_connection(&self, kind: ConnectionKind) -> Connection {
        Connection {
            kind,
            last_failure: self.last_failure.clone(),
            notify_hub: self.notify_hub.clone(),
            topics_on_commit: Vec::new(),
        }
    }

    /// Takes a connection out of the pool, without deadlines.
    pub(crate) async fn detached(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

pub(crate) struct Connection {
    kind: ConnectionKind,
    last_failure: LastFailure,
    notify_hub: NotifyHub,
    topics_on_commit: Vec<Topic>,
}

enum ConnectionKind {
    Pooled(PoolConnection<Postgres>),
    InTransaction(PgTransaction<'static>),
}

impl Connection {
    fn raw(&mut self) -> &mut PgConnection {
        match &mut self.kind {
            ConnectionKind::Pooled(connection) => connection,
            ConnectionKind::InTransaction(transaction) => transaction,
        }
    }

    /// Notifies this process when the transaction commits. `Ledger::publish` notifies the others,
    /// for one more statement.
    pub(crate) fn notify_on_commit(&mut self, topic: Topic) {
        self.topics_on_commit.push(topic);
    }

    pub(crate) async fn with_raw<T, E>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let breaks = self.last_failure.clone();
        breaks
            .with_deadline(async { Ok(work(self.raw()).await) })
            .await
    }
}

/// A transaction. Rolled back unless committed.
pub(crate) struct Transaction(Connection);

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), Error> {
        let Connection {
            kind,
            last_failure,
            notify_hub,
            topics_on_commit,
        } = self.0;
        let committed = match kind {
            ConnectionKind::InTransaction(transaction) => {
                last_failure.with_deadline(transaction.commit()).await
            }
            ConnectionKind::Pooled(_) => Ok(()),
        };
        // Also when the outcome is unknown: a wakeup without work does no harm.
        for topic in topics_on_commit {
            notify_hub.wake(topic);
        }
        committed
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// The results of a statement, with a deadline for all of them.
struct DeadlineStream<'e> {
    steps: Option<StepStream<'e>>,
    deadline: Pin<Box<Sleep>>,
    last_failure: LastFailure,
}

impl<'e> DeadlineStream<'e> {
    fn boxed(steps: StepStream<'e>, last_failure: LastFailure) -> StepStream<'e> {
        Box::pin(Self {
            steps: Some(steps),
            deadline: Box::pin(sleep(RESPONSE_TIMEOUT)),
            last_failure,
        })
    }
}

impl Stream for DeadlineStream<'_> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        let Some(steps) = &mut self.steps else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(step) = steps.as_mut().poll_next(cx) {
            if let Some(Err(error)) = &step {
                self.last_failure.record(error);
            }
            return Poll::Ready(step);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.steps = None;
            let error = timeout_error();
            self.last_failure.record(&error);
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Pending
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// Implements an executor with deadlines on top of one without.
macro_rules! impl_executor_with_deadline {
    ($type:ty, $self:ident => $inner:expr) => {
        impl<'c> Executor<'c> for $type {
            type Database = Postgres;

            fn fetch_many<'e, 'q: 'e, E>($self, query: E) -> StepStream<'e>
            where
                'c: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                let last_failure = $self.last_failure.clone();
                DeadlineStream::boxed($inner.fetch_many(query), last_failure)
            }

            fn fetch_optional<'e, 'q: 'e, E>($self, query: E) -> BoxedResult<'e, Option<PgRow>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                let last_failure = $self.last_failure.clone();
                Box::pin(async move { last_failure.with_deadline($inner.fetch_optional(query)).await })
            }

            fn prepare_with<'e>(
                $self,
                sql: SqlStr,
                parameters: &'e [PgTypeInfo],
            ) -> BoxedResult<'e, PgStatement>
            where
                'c: 'e,
            {
                let last_failure = $self.last_failure.clone();
                Box::pin(async move { last_failure.with_deadline($inner.prepare_with(sql, parameters)).await })
            }

            fn describe<'e>($self, sql: SqlStr) -> BoxedResult<'e, Describe<Postgres>>
            where
                'c: 'e,
            {
                let last_failure = $self.last_failure.clone();
                Box::pin(async move { last_failure.with_deadline($inner.describe(sql)).await })
            }
        }
    };
}

impl_executor_with_deadline!(&'c Pool, self => (&self.pool));
impl_executor_with_deadline!(&'c mut Connection, self => self.raw());
