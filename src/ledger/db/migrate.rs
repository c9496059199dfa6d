//! Database migrations: applied by one replica, checked by all.

use sqlx::{
    Connection as _,
    migrate::{Migrate, MigrateError, Migrator},
};

use super::error::{LedgerError, UNDEFINED_TABLE};
use crate::{crash, ledger::handle::Ledger};

/// Not sqlx's default, which another application in the same schema may use.
const MIGRATION_TABLE: &str = "veracore_migration";

const INSUFFICIENT_PRIVILEGE: &str = "42501";

const DUPLICATE_TABLE: &str = "42P07";

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(MIGRATION_TABLE);
    migrator
}

impl Ledger {
    /// Applies pending migrations. Replicas that start together wait for each other: sqlx holds an
    /// advisory lock.
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
        // Not returned to the pool: after a failed migration sqlx keeps the lock on the connection, and
        // every other replica would wait for it.
        let mut connection = self.pool.detached().await?;
        // A migration, or the wait for another replica's, may take longer than a statement.
        sqlx::raw_sql("set statement_timeout = 0")
            .execute(&mut connection)
            .await?;
        let applied = migrator().run_direct(None, &mut connection, false).await;
        // This releases the lock. So does dropping the connection when this future is cancelled.
        let _ = connection.close().await;
        applied.map_err(|error| match error {
            MigrateError::VersionMissing(version) => LedgerError::SchemaTooNew {
                problem: format!("migration {version} is unknown to this version"),
            },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                LedgerError::Database(error)
            }
            other => LedgerError::MigrationFailed {
                problem: other.to_string(),
            },
        })
    }

    /// Checks that exactly this version's migrations are applied.
    ///
    /// # Errors
    /// [`LedgerError::NotMigrated`] or [`LedgerError::SchemaTooNew`]
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
            let problem = format!("migration {} is unknown to this version", newer.version);
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
