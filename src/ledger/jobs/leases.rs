//! Holds: leases on names, for work that is not on an order's row. A job's pass, an order's
//! fulfillments and a variant's stock are each worked on by one at a time, across replicas.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    crash,
    domain::{ShopOrderId, VariantId},
    ledger::{
        db::{error::LedgerError, pool::Connection},
        handle::Ledger,
        orders::leases::{MAX_CLOCK_SKEW, is_half_spent, to_time_delta},
    },
};

/// How long a dead process keeps a job. The lease is renewed while the job runs.
pub const JOB_LEASE_TTL: Duration = Duration::from_secs(60);

/// What can be held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseKey<'a> {
    /// A job's pass, by the job's name.
    Job(&'a str),
    /// The fulfillments of an order.
    Fulfillments(&'a ShopOrderId),
    /// The cancellation of an order at the warehouse.
    Cancellation(&'a ShopOrderId),
    /// The stock on hand of a variant.
    Stock(&'a VariantId),
}

impl LeaseKey<'_> {
    pub(in crate::ledger) fn name(&self) -> String {
        match self {
            Self::Job(job) => format!("job:{job}"),
            Self::Fulfillments(order) => format!("order:{order}"),
            Self::Cancellation(order) => format!("cancel:{order}"),
            Self::Stock(variant) => format!("stock:{variant}"),
        }
    }
}

/// Names that are ours for a time. It does not end by being dropped: whoever cannot tell whether a
/// call is still being worked on leaves it to run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    names: Vec<String>,
    token: Uuid,
}

/// Lengthens a hold; `false` when not all of it is ours any more. Rows are locked in the order in
/// which [`Ledger::hold`] locks them: whoever wants some of the same must not wait for us while we
/// wait for him.
pub(in crate::ledger) async fn extend_lease(
    connection: &mut Connection,
    hold: &Lease,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    let kept = sqlx::query!(
        r#"with ours as materialized
             (select name from veracore_lease
              where name = any($1) and lease_token = $2 and lease_until > $4
              order by name collate "C" for update)
         update veracore_lease l set lease_until = $3 from ours where l.name = ours.name"#,
        &hold.names,
        hold.token,
        until,
        now,
    )
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == hold.names.len() as u64)
}

impl Ledger {
    /// Takes all of it or nothing; `None` when somebody holds a part of it. A job is also taken from
    /// who took it by a clock that was set back since: what it does is held piece by piece anyway.
    pub async fn acquire_lease(
        &self,
        what: &[LeaseKey<'_>],
        time: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        let _write = crash::points_around("ledger", "acquire_lease");
        let mut names: Vec<String> = what.iter().map(LeaseKey::name).collect();
        // In one order everywhere, so that two who want the same do not wait for each other.
        names.sort();
        names.dedup();
        let now = self.now();
        let until = now + to_time_delta(time);
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
            // What was taken of it is given back with the transaction.
            _ => Ok(None),
        }
    }

    /// Lengthens it to `time` from now. `false`: it ran out, and a part of it may be somebody
    /// else's by now; or the database was so slow to answer that it may run out soon.
    pub async fn renew_lease(&self, hold: &Lease, time: Duration) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "renew_lease");
        let now = self.now();
        let mut connection = self.pool.acquire().await?;
        let kept = extend_lease(&mut connection, hold, now, now + to_time_delta(time)).await?;
        Ok(kept && !is_half_spent(time, now, self.now()))
    }

    /// Gives it back.
    pub async fn release_lease(&self, hold: &Lease) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "release_lease");
        sqlx::query!(
            r#"with ours as materialized
                 (select name from veracore_lease where name = any($1) and lease_token = $2
                  order by name collate "C" for update)
             delete from veracore_lease l using ours where l.name = ours.name"#,
            &hold.names,
            hold.token,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes what ran out and nobody took over.
    pub async fn delete_expired_leases(&self) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "delete_expired_leases");
        let done = sqlx::query!(
            r#"with over as materialized
                 (select name from veracore_lease where lease_until <= $1
                  order by name collate "C" for update skip locked)
             delete from veracore_lease l using over where l.name = over.name"#,
            self.now()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
