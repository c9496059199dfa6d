//! Queries for the dashboard.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::{
    domain::SyncStatus,
    ledger::{
        db::{error::LedgerError, rows::to_count},
        handle::Ledger,
        jobs::runs::Run,
        outbox::deliveries::EventState,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyOrders {
    pub ends_at: DateTime<Utc>,
    /// The number of orders that VeraCore accepted in this hour.
    pub acknowledged: u64,
    /// The age of the oldest waiting order at the end of the hour.
    pub oldest_wait: TimeDelta,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderEvent {
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub data: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParcelProblem {
    pub code: String,
    pub message: Option<String>,
}

impl Ledger {
    /// Returns a value that changes when anything on the dashboard does.
    pub async fn change_token(&self) -> Result<String, LedgerError> {
        let statuses = SyncStatus::ALL
            .iter()
            .map(|status| status.as_str().to_owned());
        let statuses: Vec<String> = statuses.collect();
        // One index lookup for each status.
        Ok(sqlx::query_scalar!(
            r#"select concat_ws(' ',
                 (select max(newest) from unnest($1::text[]) s(status),
                     lateral (select max(updated_at) as newest from veracore_order_sync
                              where sync_status = status) of_status),
                 (select count(*) from veracore_order_sync where sync_status = 'syncing'),
                 (select max(id) from veracore_sync_run),
                 (select max(ended_at) from veracore_sync_run),
                 (select count(*) from veracore_sync_run
                  where outcome = 'held' and result ?| '{acceptedBy,discardedBy}'),
                 (select max(seq) from veracore_event),
                 (select max(updated_at) from veracore_shipment
                  where shipment_status in ('waiting', 'pending', 'problem')),
                 (select updated_at from veracore_config)) as "mark!""#,
            &statuses,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Returns the last 24 hours, oldest first, counted back from now.
    pub async fn hourly_orders(&self) -> Result<Vec<HourlyOrders>, LedgerError> {
        let now = self.now();
        // `updated_at` is redundant, but in the index.
        let rows = sqlx::query!(
            r#"with taken as (
                 select created_at, last_successful_sync as at from veracore_order_sync
                 where sync_status = 'success' and updated_at > $2 and last_successful_sync > $2
                 union all
                 -- the oldest order that still waits was the oldest in every hour
                 select min(created_at), null from veracore_order_sync
                 where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')),
             hour as (select generate_series($2 + interval '1 hour', $1, interval '1 hour') as until)
             select until as "until!",
                 count(at) filter (where at > until - interval '1 hour' and at <= until) as "taken!",
                 min(created_at) filter (where created_at <= until and (at is null or at > until))
                     as oldest
             from hour left join taken on created_at <= until group by until order by until"#,
            now,
            now - TimeDelta::hours(24),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| HourlyOrders {
                ends_at: row.until,
                acknowledged: to_count(row.taken),
                oldest_wait: row
                    .oldest
                    .map_or(TimeDelta::zero(), |oldest| row.until - oldest),
            })
            .collect())
    }

    pub async fn oldest_waiting_at(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select min(created_at) from veracore_order_sync
             where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')"
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The runs of a job, newest first.
    pub async fn runs_of_job(&self, job: &str, limit: u32) -> Result<Vec<Run>, LedgerError> {
        self.select_runs(Some(job), None, limit).await
    }

    pub async fn run(&self, id: i64) -> Result<Option<Run>, LedgerError> {
        Ok(self.select_runs(None, Some(id), 1).await?.pop())
    }

    /// Quarantined runs of a job that wait for a decision, newest first; with `only`, just that run.
    /// A completed full run supersedes the quarantined runs before it.
    pub async fn undecided_quarantined_runs(
        &self,
        job: &str,
        only: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            "select id, job, origin, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run held
             where job = $1 and outcome = 'held' and not result ?| '{acceptedBy,discardedBy}'
                 and ($3::bigint is null or id = $3)
                 and not exists (select from veracore_sync_run later
                     where later.job = $1 and later.outcome = 'done' and not later.result ? 'sku'
                         and later.started_at > held.started_at)
             order by started_at desc, id desc limit $2",
            job,
            i64::from(limit),
            only,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn select_runs(
        &self,
        job: Option<&str>,
        id: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            "select id, job, origin, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run
             where ($1::text is null or job = $1) and ($2::bigint is null or id = $2)
             order by started_at desc, id desc limit $3",
            job,
            id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Returns the start of the last full run that webhooks triggered. Runs over one SKU have it in
    /// their result.
    pub async fn last_webhook_run_at(
        &self,
        job: &str,
    ) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select max(started_at) from veracore_sync_run
             where job = $1 and origin = 'webhook' and not result ? 'sku' and started_at <= $2",
            job,
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Lists the events of an order, oldest first.
    pub async fn events_of_order(&self, order: i64) -> Result<Vec<OrderEvent>, LedgerError> {
        Ok(sqlx::query_as!(
            OrderEvent,
            "select event_type, occurred_at, data from veracore_event
             where order_sync_id = $1 order by seq limit 200",
            order,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists parcels that need attention, first reported since `since`, newest first.
    pub async fn parcel_problems(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ParcelProblem>, LedgerError> {
        Ok(sqlx::query_as!(
            ParcelProblem,
            "select o.vendure_order_code as code, s.message
             from veracore_shipment s join veracore_order_sync o on o.id = s.order_sync_id
             where s.shipment_status = 'problem' and s.first_seen_at >= $1
             order by s.id desc limit $2",
            since,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn count_dead_events(&self) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from veracore_event where state = $1"#,
            EventState::Dead.into_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(to_count(count))
    }
}
