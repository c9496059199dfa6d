//! Leases on names, for work that is not on an order's row.
//!
//! One replica at a time runs a job, fulfills an order in Vendure or writes a variant's stock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    crash,
    domain::{ShopOrderId, VariantId},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{MAX_CLOCK_SKEW, is_half_spent, to_time_delta},
            pool::Connection,
        },
        handle::Ledger,
    },
};

/// The time after which a dead process loses its job. The lease is renewed while the job runs.
pub const JOB_LEASE_TTL: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseKey<'a> {
    Job(&'a str),
    Fulfillments(&'a ShopOrderId),
    /// The cancellation of an order at the warehouse.
    Cancellation(&'a ShopOrderId),
    Stock(&'a VariantId),
}

impl LeaseKey<'_> {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Job(job) => format!("job:{job}"),
            Self::Fulfillments(order) => format!("order:{order}"),
            Self::Cancellation(order) => format!("cancel:{order}"),
            Self::Stock(variant) => format!("stock:{variant}"),
        }
    }
}

/// One or more leased names. Dropping it does not release it: where a call may still be in flight,
/// the lease must expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    names: Vec<String>,
    token: Uuid,
}

/// Extends a lease; `false` when a part of it is lost. Locks rows in the order of
/// [`Ledger::acquire_lease`], so that the two do not deadlock.
pub(crate) async fn extend_lease(
    connection: &mut Connection,
    lease: &Lease,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    let kept = sqlx::query!(
        r#"with ours as materialized
             (select name from veracore_lease
              where name = any($1) and lease_token = $2 and lease_until > $4
              order by name collate "C" for update)
         update veracore_lease l set lease_until = $3 from ours where l.name = ours.name"#,
        &lease.names,
        lease.token,
        until,
        now,
    )
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == lease.names.len() as u64)
}

impl Ledger {
    /// Acquires all keys or none; `None` if another process holds one. A job's lease that ends too
    /// far in the future, since the clock was set back, is taken over: the job's writes have leases
    /// of their own.
    pub async fn acquire_lease(
        &self,
        keys: &[LeaseKey<'_>],
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        let _write = crash::points_around("ledger", "acquire_lease");
        let mut names: Vec<String> = keys.iter().map(LeaseKey::name).collect();
        // One order everywhere prevents deadlocks.
        names.sort();
        names.dedup();
        let now = self.now();
        let until = now + to_time_delta(ttl);
        let mut tx = self.pool.begin().await?;
        let tokens = sqlx::query_scalar!(
            "insert into veracore_lease as held (name, lease_token, lease_until)
             select wanted.name, mine.token, $3
             from unnest($1::text[]) with ordinality wanted(name, at),
                 (select gen_random_uuid() as token) mine
             order by wanted.at
             on conflict (name) do update
                 set lease_token = excluded.lease_token, lease_until = excluded.lease_until
                 where held.lease_until <= $2
                     or held.name like 'job:%' and held.lease_until > $4
             returning lease_token",
            &names,
            now,
            until,
            until + MAX_CLOCK_SKEW,
        )
        .fetch_all(&mut *tx)
        .await?;
        match tokens.first() {
            Some(token) if tokens.len() == names.len() => {
                tx.commit().await?;
                Ok(Some(Lease {
                    names,
                    token: *token,
                }))
            }
            // The rollback releases what was acquired.
            _ => Ok(None),
        }
    }

    /// Extends a lease to `ttl` from now. `false`: it has expired, or the database answered so
    /// slowly that it may expire soon.
    pub async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "renew_lease");
        let now = self.now();
        let mut connection = self.pool.acquire().await?;
        let kept = extend_lease(&mut connection, lease, now, now + to_time_delta(ttl)).await?;
        Ok(kept && !is_half_spent(ttl, now, self.now()))
    }

    pub async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            r#"with ours as materialized
                 (select name from veracore_lease where name = any($1) and lease_token = $2
                  order by name collate "C" for update)
             delete from veracore_lease l using ours where l.name = ours.name"#,
            &lease.names,
            lease.token,
        );
        self.write("release_lease", statement).await.map(drop)
    }

    pub async fn delete_expired_leases(&self) -> Result<u64, LedgerError> {
        let statement = sqlx::query!(
            r#"with over as materialized
                 (select name from veracore_lease where lease_until <= $1
                  order by name collate "C" for update skip locked)
             delete from veracore_lease l using over where l.name = over.name"#,
            self.now()
        );
        self.write("delete_expired_leases", statement).await
    }
}
