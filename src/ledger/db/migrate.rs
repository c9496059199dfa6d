//! Bringing the tables up to date, whichever of several replicas comes first.

use sqlx::{
    Connection as _,
    migrate::{Migrate, MigrateError, Migrator},
};

use super::error::{LedgerError, UNDEFINED_TABLE};
use crate::{crash, ledger::handle::Ledger};

/// Ours, beside whatever else uses sqlx in the same schema.
const MIGRATION_TABLE: &str = "veracore_migration";

/// Postgres' code for what a user may not do.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Its code for a table that is there already.
const DUPLICATE_TABLE: &str = "42P07";

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(MIGRATION_TABLE);
    migrator
}

impl Ledger {
    /// Applies what is missing. Replicas that start together wait for one another: sqlx holds an
    /// advisory lock while it works.
    pub async fn migrate(&self) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "migrate");
        let error = match self.apply_migrations().await {
            Err(LedgerError::Database(sqlx::Error::Database(error))) => error,
            other => return other,
        };
        let problem = error.message().to_owned();
        Err(match error.code().as_deref() {
            Some(INSUFFICIENT_PRIVILEGE) => LedgerError::MissingPrivilege { problem },
            Some(DUPLICATE_TABLE) => LedgerError::TableNameTaken { problem },
            _ => LedgerError::Database(sqlx::Error::Database(error)),
        })
    }

    async fn apply_migrations(&self) -> Result<(), LedgerError> {
        // A connection of its own, closed afterwards: sqlx keeps its lock when a migration fails, and
        // a connection that went back to the pool with it would keep every other replica waiting.
        let mut connection = self.pool.detached().await?;
        // A migration, or that of the replica that is waited for, may take longer than a statement.
        sqlx::raw_sql("set statement_timeout = 0")
            .execute(&mut connection)
            .await?;
        let applied = migrator().run_direct(None, &mut connection, false).await;
        // With its connection the lock goes, also when this future is dropped half-way.
        let _ = connection.close().await;
        applied.map_err(|error| match error {
            MigrateError::VersionMissing(version) => LedgerError::SchemaTooNew {
                problem: format!("migration {version} is not known here"),
            },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                LedgerError::Database(error)
            }
            other => LedgerError::MigrationFailed {
                problem: other.to_string(),
            },
        })
    }

    /// Whether the tables are just what this program expects.
    ///
    /// # Errors
    /// [`LedgerError::NotMigrated`] or [`LedgerError::TooNew`] when they are not.
    pub async fn ensure_migrated(&self) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        let applied = connection
            .with_raw(async |connection| connection.list_applied_migrations(MIGRATION_TABLE).await)
            .await?;
        let applied = match applied {
            Ok(applied) => applied,
            Err(MigrateError::Execute(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some(UNDEFINED_TABLE) =>
            {
                return Err(LedgerError::NotMigrated {
                    problem: "there are none".into(),
                });
            }
            Err(MigrateError::Execute(error)) => return Err(error.into()),
            Err(other) => {
                return Err(LedgerError::MigrationFailed {
                    problem: other.to_string(),
                });
            }
        };
        let migrator = migrator();
        if let Some(newer) = applied
            .iter()
            .find(|done| !migrator.version_exists(done.version))
        {
            let problem = format!("migration {} is not known here", newer.version);
            return Err(LedgerError::SchemaTooNew { problem });
        }
        let missing = migrator
            .iter()
            .find(|m| !applied.iter().any(|d| d.version == m.version));
        match missing {
            Some(missing) => {
                let problem = format!("migration {} is not applied", missing.version);
                Err(LedgerError::NotMigrated { problem })
            }
            None => Ok(()),
        }
    }
}
