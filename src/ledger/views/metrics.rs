//! Gauges from the ledger. Cheap, because they are read every few seconds: each query is an index
//! lookup, except the counts by status, which scan one index.

use chrono::{DateTime, Utc};

use crate::ledger::{
    db::{error::LedgerError, rows::to_count},
    handle::Ledger,
    orders::queries::StatusCounts,
    post_send::changes::PostSendCounts,
    shipments::ShipmentStatus,
};

#[derive(Debug, Clone, PartialEq)]
pub struct LedgerMetrics {
    pub first_started_at: Option<DateTime<Utc>>,
    pub orders: StatusCounts,
    /// The time at which the oldest waiting order was discovered.
    pub oldest_waiting_at: Option<DateTime<Utc>>,
    /// The time at which the oldest order in doubt was sent.
    pub oldest_in_doubt_at: Option<DateTime<Utc>>,
    pub post_send: PostSendCounts,
    pub unfinished_parcels: Vec<(ShipmentStatus, u64)>,
    pub last_successes: Vec<LastSuccess>,
    /// SKUs without a variant in the last feed; `None` before the first feed.
    pub unmatched_skus: Option<u64>,
    /// Quarantined feeds since the last one that was applied.
    pub quarantined_feeds: u64,
    pub pending_events: u64,
    pub oldest_pending_event_at: Option<DateTime<Utc>>,
}

/// The last successful full run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSuccess {
    pub job: String,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

const UNFINISHED_STATUSES: [ShipmentStatus; 3] = [
    ShipmentStatus::Waiting,
    ShipmentStatus::Pending,
    ShipmentStatus::Problem,
];

impl Ledger {
    /// Reads all gauges. `stock_job` is the job that reads stock feeds.
    pub async fn metrics(
        &self,
        jobs: &[&str],
        stock_job: &str,
    ) -> Result<LedgerMetrics, LedgerError> {
        let orders = self.count_by_status().await?;
        let open = sqlx::query!(
            "select min(created_at) as waiting_since, min(sent_at) as in_doubt_since
             from veracore_order_sync
             where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')"
        )
        .fetch_one(&self.pool)
        .await?;
        let post_send = self.count_post_send().await?;
        let unfinished_parcels = self.count_unfinished_parcels().await?;
        let last_successes = self.last_successes(jobs).await?;
        let applied = last_successes
            .iter()
            .find(|success| success.job == stock_job)
            .and_then(|success| success.started_at);
        let feeds = sqlx::query!(
            r#"select
                 (select (result ->> 'unmatchedCount')::bigint from veracore_sync_run
                  where job = $1 and started_at <= $2 and not result ? 'sku'
                      and (result ->> 'rows')::bigint > 0
                  order by started_at desc limit 1) as unmatched,
                 (select count(*) from veracore_sync_run
                  where job = $1 and started_at <= $2 and outcome = 'held'
                      and started_at > coalesce($3, '-infinity'::timestamptz)
                      and not result ?| '{acceptedBy,discardedBy}') as "held!""#,
            stock_job,
            self.now(),
            applied,
        )
        .fetch_one(&self.pool)
        .await?;
        let events = sqlx::query!(
            r#"select count(*) as "pending!", min(occurred_at) as since
             from veracore_event where state = 'pending'
                 -- without a receiver there may be many, and none is delivered
                 and (select events_unheard_after is null from veracore_config where id = 1)"#
        )
        .fetch_one(&self.pool)
        .await?;
        let first_started_at =
            sqlx::query_scalar!("select first_started_at from veracore_config where id = 1")
                .fetch_one(&self.pool)
                .await?;
        Ok(LedgerMetrics {
            first_started_at,
            orders,
            oldest_waiting_at: open.waiting_since,
            oldest_in_doubt_at: open.in_doubt_since,
            post_send,
            unfinished_parcels,
            last_successes,
            unmatched_skus: feeds.unmatched.map(to_count),
            quarantined_feeds: to_count(feeds.held),
            pending_events: to_count(events.pending),
            oldest_pending_event_at: events.since,
        })
    }

    async fn count_unfinished_parcels(&self) -> Result<Vec<(ShipmentStatus, u64)>, LedgerError> {
        let rows = sqlx::query!(
            r#"select shipment_status, count(*) as "count!" from veracore_shipment
             where shipment_status in ('waiting', 'pending', 'problem') group by 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        let of = |status: ShipmentStatus| {
            let row = rows
                .iter()
                .find(|row| row.shipment_status == status.into_str());
            (status, row.map_or(0, |row| to_count(row.count)))
        };
        Ok(UNFINISHED_STATUSES.map(of).into())
    }

    /// Without runs over one SKU, and without runs in the future, after a clock was set back.
    async fn last_successes(&self, jobs: &[&str]) -> Result<Vec<LastSuccess>, LedgerError> {
        let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
        Ok(sqlx::query_as!(
            LastSuccess,
            r#"select j.job as "job!", r.started_at as "started_at?", r.ended_at as "ended_at?"
             from unnest($1::text[]) j(job)
             left join lateral (
                 select started_at, ended_at from veracore_sync_run
                 where job = j.job and outcome = 'done' and started_at <= $2
                     and not result ? 'sku'
                 order by started_at desc limit 1) r on true"#,
            &jobs,
            self.now(),
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
