//! The way to Postgres: sqlx's pool and its connections, with an end to every wait.
//!
//! Owns how long anything may take. sqlx bounds how long it waits for a connection, and Postgres how
//! long it works on a statement; but where packets vanish on the way, or a server stands still, an
//! answer is waited for without end, and with it whoever asked. Must not know any statement.

use std::{
    fmt,
    future::Future,
    io,
    ops::{Deref, DerefMut},
    pin::Pin,
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
use tokio::time::{Sleep, sleep, timeout};

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(5);

/// How long Postgres works on a statement: one that takes longer waits for something that will not
/// come. And a plan is made for the values at hand: one for any values cannot use an index where a
/// filter may be absent.
const STATEMENT: &str = "set statement_timeout = '30s'; set plan_cache_mode = force_custom_plan";

/// How long an answer is waited for: Postgres gives up before that, if it lives.
const ANSWER: Duration = Duration::from_secs(35);

/// How long a connection that is given back is waited for, to see whether it still works.
const GIVEN_BACK: Duration = Duration::from_secs(5);

type Boxed<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
type Steps<'e> = Pin<Box<dyn Stream<Item = Step> + Send + 'e>>;
type Step = Result<Either<PgQueryResult, PgRow>, Error>;

fn silent() -> Error {
    let words = format!("no answer within {} s", ANSWER.as_secs());
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
}

async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(ANSWER, work)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// The pool. A statement may be given to it, or to one of its connections.
#[derive(Clone)]
pub(super) struct Pool {
    pool: PgPool,
    /// Of one connection, that waits for words of others and for nothing else.
    ear: PgPool,
}

impl Pool {
    pub(super) fn lazy(options: PgConnectOptions, max_connections: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(CONNECT)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(STATEMENT).execute(connection).await?;
                    Ok(())
                })
            })
            // A connection on which nobody waits any more is not to keep its place for ever.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let alive = timeout(GIVEN_BACK, sqlx::Connection::ping(connection)).await;
                    alive.unwrap_or_else(|_| Err(silent())).map(|()| true)
                })
            });
        let ear = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT)
            .connect_lazy_with(options.clone());
        Self {
            pool: pool.connect_lazy_with(options),
            ear,
        }
    }

    /// A connection that hears what is told on a channel. Waiting for that has no end.
    pub(super) async fn listen(&self, channel: &str) -> Result<PgListener, Error> {
        within(async {
            let mut listener = PgListener::connect_with(&self.ear).await?;
            listener.listen(channel).await?;
            Ok(listener)
        })
        .await
    }

    pub(super) async fn acquire(&self) -> Result<Link, Error> {
        Ok(Link(Kind::Alone(self.pool.acquire().await?)))
    }

    pub(super) async fn begin(&self) -> Result<Tx, Error> {
        let transaction = within(self.pool.begin()).await?;
        Ok(Tx(Link(Kind::InTransaction(transaction))))
    }

    /// A connection for which none of this holds, and which is none of the pool's any more.
    pub(super) async fn detached(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    pub(super) async fn close(&self) {
        self.ear.close().await;
        self.pool.close().await;
    }
}

/// A connection.
pub(super) struct Link(Kind);

enum Kind {
    Alone(PoolConnection<Postgres>),
    InTransaction(PgTransaction<'static>),
}

impl Link {
    fn raw(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Kind::Alone(connection) => connection,
            Kind::InTransaction(transaction) => transaction,
        }
    }

    /// Does what no single statement does.
    pub(super) async fn with<T, E>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        timeout(ANSWER, work(self.raw()))
            .await
            .map_err(|_| silent())
    }
}

/// A transaction; what was done in it is undone unless it is committed.
pub(super) struct Tx(Link);

impl Tx {
    pub(super) async fn commit(self) -> Result<(), Error> {
        match self.0.0 {
            Kind::InTransaction(transaction) => within(transaction.commit()).await,
            Kind::Alone(_) => Ok(()),
        }
    }
}

impl Deref for Tx {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Link {
        &mut self.0
    }
}

/// The steps of a statement, all of them in time.
struct Timely<'e> {
    steps: Option<Steps<'e>>,
    end: Pin<Box<Sleep>>,
}

impl<'e> Timely<'e> {
    fn boxed(steps: Steps<'e>) -> Steps<'e> {
        Box::pin(Self {
            steps: Some(steps),
            end: Box::pin(sleep(ANSWER)),
        })
    }
}

impl Stream for Timely<'_> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        let Some(steps) = &mut self.steps else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(step) = steps.as_mut().poll_next(cx) {
            return Poll::Ready(step);
        }
        if self.end.as_mut().poll(cx).is_ready() {
            self.steps = None;
            return Poll::Ready(Some(Err(silent())));
        }
        Poll::Pending
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// An executor whose statements end in time, from one whose statements do not.
macro_rules! timely {
    ($type:ty, $self:ident => $inner:expr) => {
        impl<'c> Executor<'c> for $type {
            type Database = Postgres;

            fn fetch_many<'e, 'q: 'e, E>($self, query: E) -> Steps<'e>
            where
                'c: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Timely::boxed($inner.fetch_many(query))
            }

            fn fetch_optional<'e, 'q: 'e, E>($self, query: E) -> Boxed<'e, Option<PgRow>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Box::pin(within($inner.fetch_optional(query)))
            }

            fn prepare_with<'e>(
                $self,
                sql: SqlStr,
                parameters: &'e [PgTypeInfo],
            ) -> Boxed<'e, PgStatement>
            where
                'c: 'e,
            {
                Box::pin(within($inner.prepare_with(sql, parameters)))
            }

            fn describe<'e>($self, sql: SqlStr) -> Boxed<'e, Describe<Postgres>>
            where
                'c: 'e,
            {
                Box::pin(within($inner.describe(sql)))
            }
        }
    };
}

timely!(&'c Pool, self => (&self.pool));
timely!(&'c mut Link, self => self.raw());
