//! Turns the configuration into live objects, and runs the daemon.

mod assembly;
mod clients;
mod config_loop;
mod daemon;
mod error;
mod jobs;
mod outbox;
mod settings_service;
pub mod stored_settings;
mod sync_settings;

use std::sync::Arc;

pub use assembly::App;
pub use daemon::Daemon;
pub use error::SetupError;
pub use stored_settings::{load_calendar, load_config};
pub use sync_settings::calendar;

use crate::{
    clock::SystemClock,
    config::{self, Config, Sources},
    ledger::Ledger,
    lifecycle::TaskGroup,
};

impl App {
    /// Loads the configuration with the stored settings, and builds the objects. Calls nothing but
    /// the database.
    pub async fn load(sources: Sources, tasks: TaskGroup) -> anyhow::Result<Self> {
        let (config, stored) = load_config(sources).await?;
        // Without the stored settings, this may be another shop or another warehouse.
        stored?;
        Self::from_config(config, tasks)
    }

    /// Loads the configuration for commands that only report. An unreadable database is a warning.
    pub async fn load_for_check(sources: Sources) -> anyhow::Result<Self> {
        let (mut config, stored) = load_config(sources).await?;
        if let Err(problem) = stored {
            config.warnings.push(format!(
                "settings stored in the database could not be read: {problem}"
            ));
        }
        Self::from_config(config, TaskGroup::new())
    }

    fn from_config(config: Config, tasks: TaskGroup) -> anyhow::Result<Self> {
        let ledger = clients::connect_ledger(&config.database, Arc::new(SystemClock))?;
        Self::build(config, ledger, tasks)
    }
}

/// The ledger alone, for commands that need nothing else.
pub fn ledger_only(sources: &Sources) -> anyhow::Result<Ledger> {
    let database = config::load_database(sources)?;
    Ok(clients::connect_ledger(&database, Arc::new(SystemClock))?)
}
