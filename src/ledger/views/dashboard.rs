//! What the dashboard asks: a day in numbers, what ran of late, and whether anything changed since.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::{
    domain::SyncStatus,
    ledger::{
        db::{error::LedgerError, rows::to_count},
        handle::Ledger,
        jobs::runs::Run,
        outbox::deliveries::EventState,
        stock::RecordedStockChange,
    },
};

/// An hour of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyOrders {
    /// Its end.
    pub ends_at: DateTime<Utc>,
    /// How many VeraCore took in it.
    pub acknowledged: u64,
    /// How long the oldest one had been waiting at its end; zero when none was.
    pub oldest_wait: TimeDelta,
}

/// What was told of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderEvent {
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub data: Value,
}

/// Packages that need a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParcelProblem {
    pub code: String,
    pub message: Option<String>,
}

impl Ledger {
    /// Something that is another when anything that the dashboard shows has changed.
    pub async fn change_token(&self) -> Result<String, LedgerError> {
        let statuses = SyncStatus::ALL
            .iter()
            .map(|status| status.as_str().to_owned());
        let statuses: Vec<String> = statuses.collect();
        // One look into the index a status: the newest change of all is one of theirs.
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

    /// The last 24 hours, the oldest first, each ending a whole number of hours before now.
    pub async fn hourly_orders(&self) -> Result<Vec<HourlyOrders>, LedgerError> {
        let now = self.now();
        // Of an order that was changed within the day, so that its status and time are in the index.
        let rows = sqlx::query!(
            r#"with taken as (
                 select created_at, last_successful_sync as at from veracore_order_sync
                 where sync_status = 'success' and updated_at > $2 and last_successful_sync > $2
                 union all
                 -- Of those that wait still, the oldest is the oldest in every hour.
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

    /// Since when the oldest order that waits has been known.
    pub async fn oldest_waiting_at(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select min(created_at) from veracore_order_sync
             where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')"
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The runs of a job, the newest first.
    pub async fn runs_of_job(&self, job: &str, limit: u32) -> Result<Vec<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            "select id, job, origin, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run where job = $1 order by started_at desc, id desc limit $2",
            job,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// When a whole pass of a job was last begun because of webhooks; passes over one SKU name it in
    /// their results.
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

    /// A run by its number.
    pub async fn run(&self, id: i64) -> Result<Option<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            "select id, job, origin, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run where id = $1",
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The held runs of a job that a person is still to decide on: none that is older than a whole
    /// pass that was done since. `only`: this one, if it is one of them.
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

    /// What was written to the shop's stock, or by one run, the newest first.
    pub async fn latest_stock_changes(
        &self,
        run: Option<i64>,
        limit: u32,
    ) -> Result<Vec<RecordedStockChange>, LedgerError> {
        Ok(sqlx::query_as!(
            RecordedStockChange,
            "select run_id as run, vendure_variant_id as variant, vendure_sku as sku, veracore_sku,
                 feed_asked_at, available, reserved, on_hand, safety_stock, acknowledged,
                 waiting_elsewhere, gone, allocated, before_on_hand as before, after_on_hand as after,
                 intended_at, ended_at, outcome, message
             from veracore_stock_change where $1::bigint is null or run_id = $1
             order by id desc limit $2",
            run,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// What was told of an order, the oldest first.
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

    /// Packages that need a person, first seen since `since`; the newest first.
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

    /// How many events were given up.
    pub async fn count_dead_events(&self) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from veracore_event where state = $1"#,
            EventState::Dead.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(to_count(count))
    }
}
