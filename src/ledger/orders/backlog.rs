//! The number of due orders, and the time of the next one.

use chrono::{DateTime, Utc};

use crate::ledger::{
    db::{error::LedgerError, lease_time::MAX_CLOCK_SKEW, rows::to_count},
    handle::Ledger,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Orders that are due now.
    pub due: u64,
    /// The next time that an order becomes due or a lease expires; `None` if no order waits.
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
