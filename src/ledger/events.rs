//! What others may want to know of: the outbox. Rows are only added.

use serde_json::Value;

use super::{Ledger, LedgerError};

impl Ledger {
    /// Writes down that something happened, such as `schedule.missed`. `data` must hold nothing
    /// that may not leave the house: no secret, no address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn raise_event(&self, event_type: &str, data: &Value) -> Result<(), LedgerError> {
        sqlx::query!(
            "insert into veracore_event (event_type, occurred_at, data) values ($1, $2, $3)",
            event_type,
            self.clock.now(),
            data,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
