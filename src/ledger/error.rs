//! What can go wrong with the ledger.

use crate::domain::text::one_line;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else took the order over; what was found out about it is dropped.
    #[error("the lease of order {code} was lost: its result is dropped")]
    LeaseLost { code: String },
    #[error("the ledger's database: {}", describe(.0))]
    Database(#[from] sqlx::Error),
    #[error("the ledger's database does not answer. Is Postgres up, and DATABASE_URL right?")]
    Silent,
    /// The user may connect, but not make tables.
    #[error(
        "the database user may not create the ledger's tables ({problem}). Grant it that, such as with: grant create on schema public to the_user"
    )]
    NoRight { problem: String },
    #[error("{table}.{column} of row {row} holds '{value}', which this version does not know")]
    BadRow {
        table: &'static str,
        column: &'static str,
        row: i64,
        value: String,
    },
    #[error(
        "the ledger's tables are missing or out of date ({problem}). Run `veracore-sync migrate`"
    )]
    NotMigrated { problem: String },
    #[error(
        "the ledger's tables were made by a newer veracore-sync ({problem}). Run that version, or restore a backup from before"
    )]
    TooNew { problem: String },
    #[error("the ledger's tables could not be brought up to date: {problem}")]
    Migration { problem: String },
}

/// sqlx's message without the values that a database error may quote.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => {
            "no connection within 5 s. Is Postgres up, and DATABASE_URL right?".into()
        }
        sqlx::Error::Database(error) => one_line(error.message(), 200),
        other => one_line(&other.to_string(), 200),
    }
}

impl LedgerError {
    /// Whether the database may come (back) up by itself, unlike after a refused password.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            // A proxy (Docker's, a load balancer) before a Postgres that is down takes the connection
            // and hangs up, which sqlx reads as an answer against the protocol.
            Self::Database(
                sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::Protocol(_),
            ) => true,
            // 57P01 to 57P03: stopping, crashed, starting; 53300: too many connections; class 08:
            // connection.
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                ["57P01", "57P02", "57P03", "53300"].contains(&&*code) || code.starts_with("08")
            }),
            _ => false,
        }
    }

    /// Whether the database refuses just these data (SQLSTATE classes 22 and 23), which does not
    /// pass by itself.
    #[must_use]
    pub fn is_about_the_data(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error
                .code()
                .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
            _ => false,
        }
    }

    /// Whether the tables were never made.
    #[must_use]
    pub fn is_missing_table(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().as_deref() == Some(UNDEFINED_TABLE)
            }
            _ => false,
        }
    }
}

/// Postgres' code for a table that does not exist.
pub(super) const UNDEFINED_TABLE: &str = "42P01";
