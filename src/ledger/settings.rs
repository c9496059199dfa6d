//! Settings that are kept in the database: the layer between the file and the environment.

use std::collections::BTreeMap;

use super::{Ledger, LedgerError};

impl Ledger {
    /// All stored settings, by the names of their environment variables.
    ///
    /// # Errors
    /// When the database does not answer, or a stored setting is not a text.
    pub async fn stored_settings(&self) -> Result<BTreeMap<String, String>, LedgerError> {
        let settings = sqlx::query_scalar!("select settings from veracore_config where id = 1")
            .fetch_one(&self.pool)
            .await?;
        // Not quoted: among the settings are secrets.
        serde_json::from_value(settings).map_err(|_| LedgerError::BadRow {
            table: "veracore_config",
            column: "settings",
            row: 1,
            value: "something else than texts by name".into(),
        })
    }
}
