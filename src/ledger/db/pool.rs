//! The way to Postgres: sqlx's pool and its connections, with an end to every wait.
//!
//! Owns how long anything may take. sqlx bounds how long it waits for a connection, and Postgres how
//! long it works on a statement; but where packets vanish on the way, or a server stands still, an
//! answer is waited for without end, and with it whoever asked. Must not know any statement.

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

/// How long a connection is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long Postgres works on a statement: one that takes longer waits for something that will not
/// come. And a plan is made for the values at hand: one for any values cannot use an index where a
/// filter may be absent.
const SESSION_SETUP: &str =
    "set statement_timeout = '30s'; set plan_cache_mode = force_custom_plan";

/// How long an answer is waited for: Postgres gives up before that, if it lives.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(35);

/// How long a connection that is given back is waited for, to see whether it still works.
const RELEASE_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was used within this time is taken to work still, and not asked first: that
/// would be as much talk again as most statements are. Short, since a database that was restarted
/// within it makes a statement fail.
const SKIP_PING_WITHIN: Duration = Duration::from_secs(1);

/// How long one that is asked has for its answer. Less than [`CONNECT`], so that there is time for
/// another.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

type BoxedResult<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
type StepStream<'e> = Pin<Box<dyn Stream<Item = Step> + Send + 'e>>;
type Step = Result<Either<PgQueryResult, PgRow>, Error>;

/// Whether an answer was waited for in vain.
fn is_timeout(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

fn timeout_error() -> Error {
    let words = format!("no answer within {} s", RESPONSE_TIMEOUT.as_secs());
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
}

/// When a connection was last seen to be broken. What broke one, a restart for instance, broke those
/// that lie idle as well, fresh or not: they are asked before they are used.
#[derive(Debug, Clone, Default)]
struct LastFailure(Arc<Mutex<Option<Instant>>>);

impl LastFailure {
    fn record(&self, error: &Error) {
        if is_connection_error(error) {
            *self.0.lock() = Some(Instant::now());
        }
    }

    /// Whether a connection that lay idle for so long is to be asked before it is used.
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

/// Whether this says that the connection is of no more use.
fn is_connection_error(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) => true,
        // Told to end, crashed, idle for too long; a proxy's words for the same.
        Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

/// Whether no transaction is open on a connection.
async fn is_outside_transaction(connection: &mut PgConnection) -> Result<bool, Error> {
    // A statement of Postgres' simple protocol is its own transaction, begun at the same moment.
    let alone = "select transaction_timestamp() = statement_timestamp()";
    let row = sqlx::raw_sql(alone).fetch_one(connection).await?;
    sqlx::Row::try_get(&row, 0)
}

/// The pool. A statement may be given to it, or to one of its connections.
#[derive(Clone)]
pub(in crate::ledger) struct Pool {
    pool: PgPool,
    last_failure: LastFailure,
    options: PgConnectOptions,
    notify_hub: NotifyHub,
}

impl Pool {
    pub(in crate::ledger) fn connect_lazily(
        options: PgConnectOptions,
        max_connections: u32,
        notify_hub: NotifyHub,
    ) -> Self {
        let last_failure = LastFailure::default();
        let known = last_failure.clone();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let doubtful = known.needs_ping(about.idle_for);
                let known = known.clone();
                Box::pin(async move {
                    if !doubtful {
                        return Ok(true);
                    }
                    let there = timeout(PING_TIMEOUT, sqlx::Connection::ping(connection)).await;
                    let there = there.unwrap_or_else(|_| Err(timeout_error()));
                    let works = there.inspect_err(|error| known.record(error)).is_ok();
                    if !works {
                        tracing::info!(
                            "a connection to the ledger's database is broken; another is made"
                        );
                    }
                    Ok(works)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SESSION_SETUP).execute(connection).await?;
                    Ok(())
                })
            })
            // A connection on which nobody waits any more is not to keep its place for ever: sqlx asks
            // it once more when it is given back, and would wait for that without end. Nor is one to
            // be used again that was given up while `begin` waited: sqlx counts a transaction only
            // once it is answered (its issue 4393), so that nobody would end it, and what the next one
            // takes for written would be gone with it.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let alive =
                        timeout(RELEASE_CHECK_TIMEOUT, is_outside_transaction(connection)).await;
                    alive.unwrap_or_else(|_| Err(timeout_error()))
                })
            });
        Self {
            pool: pool.connect_lazy_with(options.clone()),
            last_failure,
            options,
            notify_hub,
        }
    }

    /// A connection that hears what is told on a channel, beyond those of the pool. Waiting for that
    /// has no end; that the connection was lost is told.
    pub(in crate::ledger) async fn listen(&self, channel: &str) -> Result<PgListener, Error> {
        // A pool of its own each time: one that never gets its connection back does no harm.
        let one = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(self.options.clone());
        let listening = async {
            let mut listener = PgListener::connect_with(&one).await?;
            listener.eager_reconnect(false);
            listener.listen(channel).await?;
            Ok(listener)
        };
        self.last_failure.with_deadline(listening).await
    }

    pub(in crate::ledger) async fn acquire(&self) -> Result<Connection, Error> {
        Ok(self.wrap_connection(ConnectionKind::Pooled(self.pool.acquire().await?)))
    }

    /// Begins a transaction, on another connection when the first one turns out to be broken: nothing
    /// was done on it.
    pub(in crate::ledger) async fn begin(&self) -> Result<Transaction, Error> {
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

    /// A connection for which none of this holds, and which is none of the pool's any more.
    pub(in crate::ledger) async fn detached(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    pub(in crate::ledger) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A connection.
pub(in crate::ledger) struct Connection {
    kind: ConnectionKind,
    last_failure: LastFailure,
    notify_hub: NotifyHub,
    /// What this process is told once it is committed.
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

    /// Tells this process as soon as the transaction is committed. (Other processes are told by
    /// [`super::Ledger::tell`], which has its price.)
    pub(in crate::ledger) fn notify_on_commit(&mut self, word: Topic) {
        self.topics_on_commit.push(word);
    }

    /// Does what no single statement does.
    pub(in crate::ledger) async fn with_raw<T, E>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let breaks = self.last_failure.clone();
        breaks
            .with_deadline(async { Ok(work(self.raw()).await) })
            .await
    }
}

/// A transaction; what was done in it is undone unless it is committed.
pub(in crate::ledger) struct Transaction(Connection);

impl Transaction {
    pub(in crate::ledger) async fn commit(self) -> Result<(), Error> {
        let Connection {
            kind,
            last_failure: breaks,
            notify_hub: ear,
            topics_on_commit: news,
        } = self.0;
        let done = match kind {
            ConnectionKind::InTransaction(transaction) => {
                breaks.with_deadline(transaction.commit()).await
            }
            ConnectionKind::Pooled(_) => Ok(()),
        };
        // Also when that is not known: to look does no harm.
        for word in news {
            ear.wake(word);
        }
        done
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

/// The steps of a statement, all of them in time.
struct DeadlineStream<'e> {
    steps: Option<StepStream<'e>>,
    deadline: Pin<Box<Sleep>>,
    last_failure: LastFailure,
}

impl<'e> DeadlineStream<'e> {
    fn boxed(steps: StepStream<'e>, breaks: LastFailure) -> StepStream<'e> {
        Box::pin(Self {
            steps: Some(steps),
            deadline: Box::pin(sleep(RESPONSE_TIMEOUT)),
            last_failure: breaks,
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
        f.write_str("Link")
    }
}

/// An executor whose statements end in time, from one whose statements do not.
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
