//! Errors of the ledger.

use crate::domain::text::one_line;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("lost the lease of order {code}, the result was dropped")]
    LeaseLost { code: String },
    #[error("database error: {}", describe(.0))]
    Database(#[from] sqlx::Error),
    #[error(
        "the ledger's database does not respond. Is Postgres running, and DATABASE_URL correct?"
    )]
    Unresponsive,
    #[error("the ledger's database takes no writes: it is a standby or read-only")]
    ReadOnly,
    #[error(
        "the database user may not create the ledger's tables ({problem}). Grant the privilege, for example: grant create on schema public to the_user"
    )]
    MissingPrivilege { problem: String },
    #[error(
        "another application uses the name of a ledger table ({problem}). Nothing was changed. Give the ledger its own database or schema, see docs/moving-from-the-plugin.md"
    )]
    TableNameTaken { problem: String },
    #[error(
        "{table}.{column} of row {row} has the value '{value}', which this version cannot read"
    )]
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
        "the ledger's tables were made by a newer veracore-sync ({problem}). Run that version, or restore an older backup"
    )]
    SchemaTooNew { problem: String },
    #[error("the migration of the ledger's tables failed: {problem}")]
    MigrationFailed { problem: String },
}

/// sqlx's message without the values that a database error may quote.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => {
            "no connection within 5 s. Is Postgres running, and DATABASE_URL correct?".into()
        }
        sqlx::Error::Database(error) => one_line(error.message(), 200),
        other => one_line(&other.to_string(), 200),
    }
}

impl LedgerError {
    /// Returns whether the database is down or overloaded: the operation may succeed later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unresponsive | Self::ReadOnly => true,
            // A proxy (Docker's, a load balancer) in front of a stopped Postgres accepts the connection
            // and closes it, which sqlx reports as a protocol error.
            Self::Database(
                sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::Protocol(_),
            ) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().as_deref().is_some_and(is_transient_code)
            }
            _ => false,
        }
    }

    /// Returns whether the database rejected the values (SQLSTATE classes 22 and 23).
    pub fn is_data_error(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error
                .code()
                .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
            _ => false,
        }
    }

    pub fn is_missing_table(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().as_deref() == Some(UNDEFINED_TABLE)
            }
            _ => false,
        }
    }
}

fn is_transient_code(code: &str) -> bool {
    // Connections; resources (disk, memory, connections); the system below Postgres.
    let classes = ["08", "53", "58"];
    let codes = [
        // Read-only: a standby, or a provider's reaction to a full disk.
        "25006", // Deadlock, serialization failure, lock timeout.
        "40001", "40P01", "55P03", // Statement timeout.
        "57014", // Shut down, crashed, starting, idle for too long.
        "57P01", "57P02", "57P03", "57P05",
    ];
    classes.iter().any(|class| code.starts_with(class)) || codes.contains(&code)
}

pub(crate) const UNDEFINED_TABLE: &str = "42P01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_codes_are_recognized() {
        for code in [
            "08000", "08001", "08003", "08006", "25006", "40001", "40P01", "53000", "53100",
            "53200", "53300", "53400", "55P03", "57014", "57P01", "57P02", "57P03", "57P05",
            "58000", "58030",
        ] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in [
            "", "00000", "22001", "22P05", "23505", "23514", "25001", "28000", "28P01", "3D000",
            "42501", "42P01", "42703", "57P04", "XX000", "P0001",
        ] {
            assert!(!is_transient_code(code), "{code}");
        }
    }

    #[test]
    fn connection_errors_are_transient() {
        let io = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::Io(io()),
            sqlx::Error::Protocol("unexpected end".into()),
        ] {
            assert!(LedgerError::Database(error).is_unavailable());
        }
        assert!(LedgerError::Unresponsive.is_unavailable());
        assert!(LedgerError::ReadOnly.is_unavailable());
        assert!(!LedgerError::Database(sqlx::Error::RowNotFound).is_unavailable());
        let lost = LedgerError::LeaseLost { code: "A".into() };
        assert!(!lost.is_unavailable());
    }
}
