//! Postgres, where the ledger is stored.

use secrecy::SecretString;

use crate::config::{
    layers::values::Values,
    setting::Row,
    table::{DATABASE_MAX_CONNECTIONS, DATABASE_URL},
};

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Begins with `postgres://` or `postgresql://`. Contains the password.
    pub url: SecretString,
    pub max_connections: u32,
}

pub const ROWS: [&dyn Row; 2] = [&DATABASE_URL, &DATABASE_MAX_CONNECTIONS];

pub fn build(values: &Values) -> Option<DatabaseConfig> {
    Some(DatabaseConfig {
        url: values.get(&DATABASE_URL)?,
        max_connections: values.get(&DATABASE_MAX_CONNECTIONS)?,
    })
}
