//! The loop that runs the jobs of one configuration after another.
//!
//! When the stored settings change, it stops the jobs and starts them with the new ones. HTTP is
//! served throughout.

use std::{future::pending, time::Duration};

use super::{assembly::App, jobs, outbox, stored_settings};
use crate::{
    config::Sources,
    ledger::{Ledger, LedgerError, StoredSettings, Topic},
    lifecycle::{DrainOutcome, TaskGroup},
    sync::orders::discovery_loop::WorkerWakeup,
    telemetry::LogOnce,
    web::{CurrentInbox, CurrentServices},
};

/// Delay between attempts to reach the database.
const RECONNECT_DELAY: Duration = Duration::from_secs(3);

/// Poll interval for changed settings, where notifications do not arrive.
const SETTINGS_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Time the jobs have to finish after a settings change.
const SETTINGS_CHANGE_DRAIN: Duration = Duration::from_secs(30);

/// The configuration in force, with its jobs.
pub(super) struct ActiveConfig {
    pub app: App,
    pub jobs: TaskGroup,
}

/// Everything that outlives a configuration.
pub(super) struct ConfigLoop {
    pub sources: Sources,
    pub services: CurrentServices,
    pub inbox: CurrentInbox,
    pub tasks: TaskGroup,
}

impl ConfigLoop {
    /// Runs until the stop. `stored`: the settings that `first` was built with, if they were readable.
    pub(super) async fn run(
        self,
        first: ActiveConfig,
        stored: Option<StoredSettings>,
    ) -> anyhow::Result<()> {
        let ledger = first.app.ledger.clone();
        let prepare = retry_until_available(&self.tasks, || async {
            ledger.migrate().await?;
            ledger.record_first_start().await
        });
        if prepare.await?.is_none() {
            return Ok(());
        }
        let (mut current, mut stored) = match stored {
            Some(stored) => (first, stored),
            None => {
                let read = retry_until_available(&self.tasks, || ledger.stored_settings());
                let Some(stored) = read.await? else {
                    return Ok(());
                };
                let current = build_active_config(&self.sources, &self.tasks, &ledger, &stored)?;
                (current, stored)
            }
        };
        let mut is_first = true;
        loop {
            // A problem of the stopped jobs: if sync is paused now, nothing else would clear it.
            current.app.ledger.set_blocking_problem(None);
            let wakeup = WorkerWakeup::default();
            self.services
                .replace(current.app.web_services(wakeup.clone()));
            self.inbox.replace(current.app.webhooks.clone());
            jobs::spawn_maintenance(&current.app, &current.jobs);
            let jobs = async {
                outbox::spawn_event_delivery(&current.app, &current.jobs)?;
                jobs::start(&current.app, &wakeup, &current.jobs, is_first).await?;
                pending().await
            };
            let next = tokio::select! {
                outcome = jobs => return outcome,
                () = self.tasks.wait_for_stop() => return Ok(()),
                next = wait_for_settings_change(&self.sources, &self.tasks, &current.app, &mut stored) => next,
            };
            current.jobs.stop();
            let drained = tokio::select! {
                () = self.tasks.wait_for_stop() => return Ok(()),
                drained = current.jobs.drain(SETTINGS_CHANGE_DRAIN) => drained,
            };
            if drained == DrainOutcome::TimedOut {
                tracing::warn!(
                    "jobs with the previous settings did not finish in time; the ledger records where they stand"
                );
            }
            current = next;
            is_first = false;
        }
    }
}

/// Calls the ledger until it is available. `None`: the stop came first.
async fn retry_until_available<T, F: Future<Output = Result<T, LedgerError>>>(
    tasks: &TaskGroup,
    call: impl Fn() -> F,
) -> Result<Option<T>, LedgerError> {
    let mut outage = LogOnce::new("database unavailable");
    loop {
        let answer = tokio::select! {
            () = tasks.wait_for_stop() => return Ok(None),
            answer = call() => answer,
        };
        match answer {
            Err(error) if error.is_unavailable() => {
                outage.log_failure(&error);
                tasks.sleep(RECONNECT_DELAY).await;
            }
            other => {
                outage.log_recovery();
                return other.map(Some);
            }
        }
    }
}

/// Keeps the ledger: the settings of its connection are never stored.
fn build_active_config(
    sources: &Sources,
    tasks: &TaskGroup,
    ledger: &Ledger,
    stored: &StoredSettings,
) -> anyhow::Result<ActiveConfig> {
    let config = stored_settings::config_with_stored(sources, stored)?;
    let jobs = tasks.child();
    let app = App::build(config, ledger.clone(), jobs.clone())?;
    Ok(ActiveConfig { app, jobs })
}

/// Waits for stored settings that differ from `stored` and are valid.
async fn wait_for_settings_change(
    sources: &Sources,
    tasks: &TaskGroup,
    app: &App,
    stored: &mut StoredSettings,
) -> ActiveConfig {
    loop {
        app.ledger
            .wait_for(
                Topic::Settings,
                app.ledger.poll_interval(SETTINGS_POLL_INTERVAL),
            )
            .await;
        // The jobs log an unavailable database.
        let Ok(now) = app.ledger.stored_settings().await else {
            continue;
        };
        if now == *stored {
            continue;
        }
        let names = stored_settings::changed_names(stored, &now);
        let is_same = stored_settings::has_same_values(sources, stored, &now);
        *stored = now;
        if is_same {
            // For example, secrets encrypted with another key.
            continue;
        }
        match build_active_config(sources, tasks, &app.ledger, stored) {
            Ok(next) => {
                tracing::info!(
                    settings = names.join(", "),
                    "stored settings changed; VeraCore sync continues with them"
                );
                next.app.log_warnings();
                return next;
            }
            Err(error) => {
                tracing::error!(
                    settings = names.join(", "),
                    %error,
                    "changed stored settings are invalid; the previous settings stay in force"
                );
            }
        }
    }
}
