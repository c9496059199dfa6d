//! VeraCore's webhooks: stored once each, and processed under leases.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    crash,
    domain::{NoticeKind, WebhookNotice},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{MAX_CLOCK_SKEW, to_time_delta},
            notify::Topic,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
    },
};

/// The longest delay of a webhook. A later time was written by a clock that was ahead.
const MAX_WAIT: TimeDelta = TimeDelta::hours(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookIntake {
    New,
    /// Its signature is known.
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum WebhookOutcome {
    Done,
    /// VeraCore did not confirm it when asked.
    Unconfirmed,
    /// It is about an order that was not sent by this program.
    #[strum(serialize = "unknown")]
    UnknownOrder,
    /// Needs attention.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedWebhook {
    pub id: i64,
    pub notice: WebhookNotice,
    pub received_at: DateTime<Utc>,
    /// The number of attempts, this one included.
    pub attempts: u32,
    pub(crate) token: Uuid,
}

impl Ledger {
    /// Stores a webhook with the digest of its signature, unless the digest is known.
    pub async fn insert_webhook(
        &self,
        digest: &str,
        notice: &WebhookNotice,
    ) -> Result<WebhookIntake, LedgerError> {
        let _write = crash::points_around("ledger", "insert_webhook");
        let now = self.now();
        let new = sqlx::query!(
            "with seal as (
                 insert into veracore_webhook_seal (digest, received_at) values ($1, $2)
                 on conflict do nothing returning digest
             )
             insert into veracore_webhook (kind, order_number, news, received_at, next_attempt)
             select $3, $4, $5, $2, $2 from seal",
            digest,
            now,
            notice.kind().as_str(),
            notice.order_code().map(crate::domain::OrderCode::as_str),
            serde_json::to_value(notice).unwrap_or_default(),
        )
        .execute(&self.pool)
        .await?;
        if new.rows_affected() == 0 {
            return Ok(WebhookIntake::Duplicate);
        }
        self.publish(Topic::Webhook(notice.kind())).await;
        Ok(WebhookIntake::New)
    }

    /// Leases up to `limit` due webhooks of these kinds, longest due first, including those whose lease
    /// expired. Unreadable ones are marked as failed.
    pub async fn claim_webhooks(
        &self,
        kinds: &[NoticeKind],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedWebhook>, LedgerError> {
        let _write = crash::points_around("ledger", "claim_webhooks");
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let now = self.now();
        let until = now + to_time_delta(lease);
        let rows = sqlx::query!(
            r#"with due as (
                 select id from veracore_webhook
                 where webhook_status = 'waiting' and kind = any($1)
                     and (next_attempt <= $2 or next_attempt > $5)
                     and (lease_until is null or lease_until <= $2 or lease_until > $6)
                 order by next_attempt, id limit $4 for update skip locked
             )
             update veracore_webhook w
             set lease_token = mine.token, lease_until = $3, attempts = attempts + 1
             from due, (select gen_random_uuid() as token) mine where w.id = due.id
             returning w.id, w.news, w.received_at, w.attempts, w.lease_token as "token!""#,
            &kinds,
            now,
            until,
            i64::from(limit),
            now + MAX_WAIT,
            until + MAX_CLOCK_SKEW,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut claimed = Vec::new();
        for row in rows {
            match RowRef::new("veracore_webhook", row.id).json("news", row.news) {
                Ok(notice) => claimed.push(ClaimedWebhook {
                    id: row.id,
                    notice,
                    received_at: row.received_at,
                    attempts: row.attempts.unsigned_abs(),
                    token: row.token,
                }),
                Err(error) => {
                    tracing::error!(%error, "VeraCore: unreadable webhook marked as failed");
                    let (outcome, message) =
                        (WebhookOutcome::Failed, "this version cannot read it");
                    self.write_webhook_outcome(row.id, row.token, outcome, Some(message))
                        .await?;
                }
            }
        }
        claimed.sort_by_key(|webhook| webhook.id);
        Ok(claimed)
    }

    /// The time at which the next webhook of these kinds becomes due, leased or not.
    pub async fn next_webhook_due_at(
        &self,
        kinds: &[NoticeKind],
    ) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        Ok(sqlx::query_scalar!(
            "select next_attempt from veracore_webhook
             where webhook_status = 'waiting' and kind = any($1) order by next_attempt, id limit 1",
            &kinds,
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten())
    }

    /// Extends the leases of claimed webhooks.
    pub async fn renew_webhook_leases(
        &self,
        claimed: &[ClaimedWebhook],
        lease: Duration,
    ) -> Result<(), LedgerError> {
        let (ids, tokens): (Vec<i64>, Vec<Uuid>) = claimed
            .iter()
            .map(|webhook| (webhook.id, webhook.token))
            .unzip();
        let statement = sqlx::query!(
            "update veracore_webhook set lease_until = $3
             where id = any($1) and lease_token = any($2)",
            &ids,
            &tokens,
            self.now() + to_time_delta(lease),
        );
        self.write("renew_webhook_leases", statement)
            .await
            .map(drop)
    }

    /// Records the outcome. `false` if the lease was lost: nothing was recorded.
    pub async fn finish_webhook(
        &self,
        claimed: &ClaimedWebhook,
        outcome: WebhookOutcome,
        message: Option<&str>,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "finish_webhook");
        self.write_webhook_outcome(claimed.id, claimed.token, outcome, message)
            .await
    }

    async fn write_webhook_outcome(
        &self,
        id: i64,
        token: Uuid,
        outcome: WebhookOutcome,
        message: Option<&str>,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query!(
            "update veracore_webhook
             set webhook_status = $3, message = $4, ended_at = $5, next_attempt = null,
                 lease_token = null, lease_until = null
             where id = $1 and lease_token = $2",
            id,
            token,
            outcome.into_str(),
            message,
            self.now(),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Releases a webhook until `at`. The attempt counts only if `counts`.
    pub async fn postpone_webhook(
        &self,
        claimed: &ClaimedWebhook,
        at: DateTime<Utc>,
        counts: bool,
        why: &str,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_webhook
             set next_attempt = $3, message = $5, attempts = attempts - case when $4 then 0 else 1 end,
                 lease_token = null, lease_until = null
             where id = $1 and lease_token = $2",
            claimed.id,
            claimed.token,
            at,
            counts,
            why,
        );
        self.write("postpone_webhook", statement).await.map(drop)
    }

    /// Counts the SKUs in webhooks that arrived since `since` or still wait.
    pub async fn count_reported_skus(&self, since: DateTime<Utc>) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(distinct sku) as "count!"
             from veracore_webhook,
                 lateral (select news -> 'inventory' -> 'skus') as inside(skus),
                 -- An invalid row counts as empty.
                 jsonb_array_elements_text(case jsonb_typeof(skus) when 'array' then skus
                     else '[]' end) as told(sku)
             where kind = 'inventory-update' and (webhook_status = 'waiting' or received_at > $1)"#,
            since
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(to_count(count))
    }

    /// Deletes processed webhooks that arrived before `before`, and signatures from before
    /// `seals_before`. Returns the number of webhooks.
    pub async fn delete_old_webhooks(
        &self,
        before: DateTime<Utc>,
        seals_before: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "delete_old_webhooks");
        sqlx::query!(
            "delete from veracore_webhook_seal where received_at < $1",
            seals_before
        )
        .execute(&self.pool)
        .await?;
        let done = sqlx::query!(
            "delete from veracore_webhook where received_at < $1 and webhook_status <> 'waiting'",
            before
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
