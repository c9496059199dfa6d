//! Settings stored in the database. Secrets are stored encrypted; the ledger cannot decrypt them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::handle::Ledger;
use crate::{
    crash,
    domain::SealedText,
    ledger::db::{error::LedgerError, notify::Topic},
};

/// All stored settings, by the names of their environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSettings {
    pub plain: BTreeMap<String, String>,
    pub sealed: BTreeMap<String, SealedText>,
    /// The row as it was read, which may be formatted differently.
    original_row: Option<(Value, Value)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredValue {
    Plain(String),
    Sealed(SealedText),
    Unset,
}

impl StoredSettings {
    /// Returns a copy with the changes applied.
    pub fn with_changes(&self, changes: &[(&str, StoredValue)]) -> Self {
        let mut next = self.clone();
        for (name, value) in changes {
            next.plain.remove(*name);
            next.sealed.remove(*name);
            match value {
                StoredValue::Plain(text) => {
                    next.plain.insert((*name).to_owned(), text.clone());
                }
                StoredValue::Sealed(text) => {
                    next.sealed.insert((*name).to_owned(), text.clone());
                }
                StoredValue::Unset => {}
            }
        }
        next
    }

    /// Keeps invalid values, so that one does not hide the others. The configuration reports them.
    fn parse(row: &Value) -> Self {
        // The column is missing before its migration.
        let part = |column: &str| row.get(column).cloned().unwrap_or_else(|| json!({}));
        let (plain, sealed) = (part("settings"), part("sealed"));
        let entries = |part: &Value| part.as_object().cloned().unwrap_or_default().into_iter();
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self {
            plain: entries(&plain).map(|(k, v)| (k, text(v))).collect(),
            sealed: entries(&sealed)
                .map(|(name, value)| (name, serde_json::from_value(value).unwrap_or_default()))
                .collect(),
            original_row: Some((plain, sealed)),
        }
    }
}

impl Ledger {
    pub async fn stored_settings(&self) -> Result<StoredSettings, LedgerError> {
        let row = sqlx::query_scalar!(
            r#"select to_jsonb(c) as "row!" from veracore_config c where id = 1"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(StoredSettings::parse(&row))
    }

    /// Replaces the settings that were read, and notifies every replica. `false` if they have changed
    /// since: nothing was stored.
    pub async fn store_settings(
        &self,
        read: &StoredSettings,
        next: &StoredSettings,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "store_settings");
        let (plain, sealed) = (json!(next.plain), json!(next.sealed));
        let empty = || (json!({}), json!({}));
        let (old_plain, old_sealed) = read.original_row.clone().unwrap_or_else(empty);
        let done = sqlx::query!(
            "update veracore_config set settings = $3, sealed = $4, updated_at = $5
             where id = 1 and settings = $1 and sealed = $2",
            old_plain,
            old_sealed,
            plain,
            sealed,
            self.now(),
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.publish(Topic::Settings).await;
        Ok(true)
    }
}
