//! How much is waiting, and until when: what the runner sleeps by.

use chrono::{DateTime, Utc};

use crate::ledger::{
    db::{error::LedgerError, lease_time::MAX_CLOCK_SKEW, rows::to_count},
    handle::Ledger,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Orders that could be worked on now.
    pub due: u64,
    /// When the next one becomes due, leases that run out among them; `None` when none is waiting.
    pub next_due_at: Option<DateTime<Utc>>,
}

impl Ledger {
    pub async fn backlog(&self) -> Result<Backlog, LedgerError> {
        let now = self.now();
        let row = sqlx::query!(
            r#"select count(*) filter (where at <= $1) as "due!",
                 min(at) filter (where at > $1) as next
             from (select case when lease_until is null and updated_at > $2 then $1
                     else greatest(next_attempt, lease_until) end as at
                 from veracore_order_sync
                 where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')) waiting"#,
            now,
            now + MAX_CLOCK_SKEW,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Backlog {
            due: to_count(row.due),
            next_due_at: row.next,
        })
    }
}
