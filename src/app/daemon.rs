//! The daemon: from the configuration to running jobs, with everything that may be away at the
//! start waited for, and everything that is wrong refused. When the stored settings change, the jobs
//! come to their end and are started anew with them; HTTP is served all the while.

use parking_lot::Mutex;
use std::{future::pending, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    App, SetupError, connect_ledger, jobs, outbox, settings_service::StoredSettingsService,
    start_log, stored_settings,
};
use crate::{
    clock::{Clock as _, SystemClock},
    config::{self, Sources},
    ledger::{Ledger, LedgerError, StoredSettings, Topic},
    lifecycle::{DrainOutcome, ServiceNotifier, TaskGroup},
    sync::orders::discovery_loop::WorkerWakeup,
    telemetry::{self, LogTarget},
    web::{self, CurrentInbox, CurrentServices, WebState},
};

/// Between two tries to reach what is away at the start.
const RECONNECT_DELAY: Duration = Duration::from_secs(3);

/// How often the stored settings are looked at when nobody can tell of a change.
const SETTINGS_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How often it is looked whether the service manager is to be told something new.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// How long jobs may take to come to their end when the settings changed.
const SETTINGS_CHANGE_DRAIN: Duration = Duration::from_secs(30);

/// Between two looks at a shop that is not as the changed settings say.
const SHOP_RECHECK_DELAY: Duration = Duration::from_secs(30);

/// How often samples of metrics are sorted, whether anybody asks for them or not.
const SAMPLE_SORT_INTERVAL: Duration = Duration::from_secs(5);

/// A running daemon.
pub struct Daemon {
    tasks: TaskGroup,
    /// Why it stopped by itself.
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Daemon {
    /// Starts serving HTTP and, as soon as the database and the shop are there and right, the jobs.
    pub async fn start(sources: Sources, supervisor: ServiceNotifier) -> anyhow::Result<Self> {
        let tasks = TaskGroup::new();
        telemetry::init_metrics(SystemClock.now());
        supervisor.start_watchdog(&tasks);
        let (config, stored) = stored_settings::load_config_when_available(sources.clone(), |away, wrong| {
            if let Some(log) = config::load_log(&sources) {
                start_log(&log, LogTarget::Stdout);
            }
            supervisor.spawn_notify_status("waiting for the database, which may hold what is not set elsewhere");
            tracing::error!(%away, %wrong, "the database does not answer; waiting for it, since it may hold what is not set elsewhere");
        })
        .await?;
        let jobs = tasks.child();
        let ledger = connect_ledger(&config.database, Arc::new(SystemClock))?;
        let app = App::build(config, ledger, jobs.clone())?;
        app.init_log(LogTarget::Stdout);
        let listen = app.config.server.http_listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("HTTP_LISTEN: {listen} cannot be listened on"))?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            listen = %listener.local_addr().unwrap_or(listen),
            "veracore-sync starts, between Vendure and VeraCore"
        );
        let daemon = Self {
            tasks,
            failure: Arc::default(),
        };
        let state = WebState::new(
            app.ledger.clone(),
            Arc::new(StoredSettingsService::new(
                sources.clone(),
                app.ledger.clone(),
            )),
        );
        let carrying = ConfigLoop {
            sources,
            services: state.services.clone(),
            inbox: state.inbox.clone(),
            tasks: daemon.tasks.clone(),
        };
        let server = web::serve(listener, state.clone(), daemon.tasks.clone());
        daemon.tasks.spawn_critical("serve_http", server);
        daemon
            .tasks
            .spawn("sort_samples", sort_samples(daemon.tasks.clone()));
        spawn_notification_listener(app.ledger.clone(), &daemon.tasks);
        spawn_status_reporter(supervisor, state, &daemon.tasks);
        let (tasks, failure) = (daemon.tasks.clone(), Arc::clone(&daemon.failure));
        let in_force = ActiveConfig { app, jobs };
        daemon.tasks.spawn_critical_once("carry_on", async move {
            if let Err(error) = carrying.run(in_force, stored.ok()).await {
                *failure.lock() = Some(error);
                tasks.stop();
            }
        });
        Ok(daemon)
    }

    pub const fn tasks(&self) -> &TaskGroup {
        &self.tasks
    }

    /// Whether it came to its end as told to, after the drain.
    pub fn into_outcome(self) -> anyhow::Result<bool> {
        match self.failure.lock().take() {
            Some(error) => Err(error),
            None => Ok(!self.tasks.has_failed()),
        }
    }
}

/// Hears what other processes tell of, until the stop.
fn spawn_notification_listener(ledger: Ledger, tasks: &TaskGroup) {
    let listening = tasks.clone();
    tasks.spawn("listen", async move {
        tokio::select! {
            () = listening.wait_for_stop() => {}
            () = ledger.listen() => {}
        }
    });
}

/// Keeps the samples of metrics from piling up, until the stop.
async fn sort_samples(tasks: TaskGroup) {
    while !tasks.is_stopping() {
        tasks.sleep(SAMPLE_SORT_INTERVAL).await;
        telemetry::run_metrics_upkeep();
    }
}

/// Tells the service manager how we are, now and whenever that changes. Whoever waits for us to be
/// ready waits for HTTP only: what else is away at the start, the database, the shop or VeraCore, may
/// be away later as well, and is waited for here.
fn spawn_status_reporter(supervisor: ServiceNotifier, state: WebState, tasks: &TaskGroup) {
    if !supervisor.is_enabled() {
        return;
    }
    let telling = tasks.clone();
    tasks.spawn("tell_supervisor", async move {
        supervisor.notify_ready("HTTP is served; starting").await;
        while !telling.is_stopping() {
            let status = tokio::select! {
                () = telling.wait_for_stop() => return,
                status = web::status_line(&state) => status,
            };
            supervisor.notify_status(&status).await;
            telling.sleep(STATUS_INTERVAL).await;
        }
    });
}

/// A configuration in force, with its jobs.
struct ActiveConfig {
    app: App,
    jobs: TaskGroup,
}

/// What goes on from one configuration to the next.
struct ConfigLoop {
    sources: Sources,
    services: CurrentServices,
    inbox: CurrentInbox,
    tasks: TaskGroup,
}

impl ConfigLoop {
    /// Carries on until the stop. `stored`: the settings that `first` was made with; `None` when they
    /// could not be read then.
    async fn run(self, first: ActiveConfig, stored: Option<StoredSettings>) -> anyhow::Result<()> {
        if !migrate_when_available(&first.app, &self.tasks).await? {
            return Ok(());
        }
        let ledger = first.app.ledger.clone();
        let Some(_) = retry_until_available(&self.tasks, || ledger.record_first_start()).await?
        else {
            return Ok(());
        };
        let (mut current, mut stored) = match stored {
            Some(stored) => (first, stored),
            None => {
                let Some(stored) =
                    retry_until_available(&self.tasks, || ledger.stored_settings()).await?
                else {
                    return Ok(());
                };
                let current =
                    build_active_config(&self.sources, &self.tasks, &first.app.ledger, &stored)?;
                (current, stored)
            }
        };
        let mut is_first = true;
        loop {
            // Nobody is left who would find out that it is over, should the work be paused now.
            current.app.ledger.set_blocking_problem(None);
            let bells = WorkerWakeup::default();
            self.services.replace(current.app.web_services(&bells));
            self.inbox.replace(current.app.webhooks.clone());
            jobs::spawn_maintenance(&current.app, &current.jobs);
            let jobs = run_jobs(&current, &bells, is_first);
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
                    "some work goes on with the settings from before; it is settled from the ledger"
                );
            }
            current = next;
            is_first = false;
        }
    }
}

/// Asks the ledger, however long the database is away. `None`: told to stop meanwhile.
async fn retry_until_available<T, F: Future<Output = Result<T, LedgerError>>>(
    tasks: &TaskGroup,
    ask: impl Fn() -> F,
) -> Result<Option<T>, LedgerError> {
    while !tasks.is_stopping() {
        match ask().await {
            Err(error) if error.is_unavailable() => tasks.sleep(RECONNECT_DELAY).await,
            other => return other.map(Some),
        }
    }
    Ok(None)
}

/// The way to the database is the same for all of them: nothing of it is stored.
fn build_active_config(
    sources: &Sources,
    tasks: &TaskGroup,
    ledger: &Ledger,
    stored: &StoredSettings,
) -> anyhow::Result<ActiveConfig> {
    let config = stored_settings::config_with_stored(sources.clone(), stored)?;
    let jobs = tasks.child();
    let app = App::build(config, ledger.clone(), jobs.clone())?;
    Ok(ActiveConfig { app, jobs })
}

/// Starts the jobs, and does not return unless they cannot be. A shop that is not as configured ends
/// the process at its start, where whoever starts it looks; but not when the settings are changed
/// while it serves, or they could not be changed back.
async fn run_jobs(
    current: &ActiveConfig,
    bells: &WorkerWakeup,
    is_first: bool,
) -> anyhow::Result<()> {
    outbox::spawn_event_delivery(&current.app, &current.jobs)?;
    let mut told = false;
    loop {
        match jobs::start(&current.app, bells, &current.jobs).await {
            Ok(()) => return pending().await,
            Err(error) if !is_first && error.is::<SetupError>() => {
                if !told {
                    tracing::error!(%error, "nothing is moved to or from VeraCore with the changed settings");
                }
                told = true;
                current.jobs.sleep(SHOP_RECHECK_DELAY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits for settings that are other than `stored` and can be used.
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
        // Whether the database answers is told by those who need it for more.
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
            // Sealed anew, say.
            continue;
        }
        match build_active_config(sources, tasks, &app.ledger, stored) {
            Ok(next) => {
                tracing::info!(
                    settings = names.join(", "),
                    "stored settings were changed; the work with VeraCore goes on with them"
                );
                for warning in &next.app.config.warnings {
                    tracing::warn!(warning, "configuration");
                }
                return next;
            }
            Err(error) => {
                tracing::error!(
                    settings = names.join(", "),
                    %error,
                    "stored settings were changed and cannot be used; those from before stay in force"
                );
            }
        }
    }
}

/// Waits for the database and migrates. `false`: told to stop meanwhile.
async fn migrate_when_available(app: &App, tasks: &TaskGroup) -> anyhow::Result<bool> {
    let mut told = false;
    while !tasks.is_stopping() {
        let migrated = tokio::select! {
            () = tasks.wait_for_stop() => return Ok(false),
            migrated = app.ledger.migrate() => migrated,
        };
        match migrated {
            Ok(()) => return Ok(true),
            Err(error) if error.is_unavailable() => {
                if !told {
                    tracing::error!(%error, "the database does not answer; waiting for it");
                }
                told = true;
                tasks.sleep(RECONNECT_DELAY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
