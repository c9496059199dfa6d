//! Postgres, where the ledger is stored.

use secrecy::SecretString;

use crate::config::{layers::values::Values, setting::Row, table};

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Begins with `postgres://` or `postgresql://`. Contains the password.
    pub url: SecretString,
    pub max_connections: u32,
}

pub const ROWS: [&dyn Row; 2] = [&table::DATABASE_URL, &table::DATABASE_MAX_CONNECTIONS];

pub fn build(values: &Values) -> Option<DatabaseConfig> {
    Some(DatabaseConfig {
        url: values.get(&table::DATABASE_URL)?,
        max_connections: values.get(&table::DATABASE_MAX_CONNECTIONS)?,
    })
}
