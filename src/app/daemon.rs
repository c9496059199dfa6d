//! The daemon: serves HTTP and runs the jobs until the stop.
//!
//! It waits for an unavailable database, shop or VeraCore, and exits when the setup is wrong.

use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    assembly::{App, start_log},
    clients::connect_ledger,
    config_loop::{ActiveConfig, ConfigLoop},
    settings_service::StoredSettingsService,
    stored_settings,
};
use crate::{
    clock::{Clock as _, SystemClock},
    config::{self, Sources},
    ledger::Ledger,
    lifecycle::{ServiceNotifier, TaskGroup},
    telemetry::{self, LogTarget},
    web::{self, WebState},
};

/// Interval between status updates for the service manager.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Interval between upkeep runs of the metrics recorder.
const SAMPLE_SORT_INTERVAL: Duration = Duration::from_secs(5);

pub struct Daemon {
    tasks: TaskGroup,
    /// The error that stopped the daemon.
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Daemon {
    /// Starts HTTP at once, and the jobs as soon as the database and the shop are ready.
    pub async fn start(sources: Sources, supervisor: ServiceNotifier) -> anyhow::Result<Self> {
        let tasks = TaskGroup::new();
        telemetry::init_metrics(SystemClock.now());
        supervisor.start_watchdog(&tasks);
        let (config, stored) = stored_settings::load_config_when_available(sources.clone(), |unavailable, incomplete| {
            if let Some(log) = config::load_log(&sources) {
                start_log(&log, LogTarget::Stdout);
            }
            supervisor.spawn_notify_status("waiting for the database: it may hold the missing settings");
            tracing::error!(away = %unavailable, wrong = %incomplete, "database unavailable; waiting, because it may hold the missing settings");
        })
        .await?;
        let jobs = tasks.child();
        let ledger = connect_ledger(&config.database, Arc::new(SystemClock))?;
        let app = App::build(config, ledger, jobs.clone())?;
        app.init_log(LogTarget::Stdout);
        let listen = app.config.server.http_listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("HTTP_LISTEN: cannot listen on {listen}"))?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            listen = %listener.local_addr().unwrap_or(listen),
            "veracore-sync started; connecting Vendure and VeraCore"
        );
        let daemon = Self {
            tasks,
            failure: Arc::default(),
        };
        let settings = StoredSettingsService {
            sources: sources.clone(),
            ledger: app.ledger.clone(),
        };
        let state = WebState::new(app.ledger.clone(), Arc::new(settings));
        let config_loop = ConfigLoop {
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
        let first = ActiveConfig { app, jobs };
        daemon.tasks.spawn_critical_once("run_config", async move {
            if let Err(error) = config_loop.run(first, stored.ok()).await {
                *failure.lock() = Some(error);
                tasks.stop();
            }
        });
        Ok(daemon)
    }

    pub const fn tasks(&self) -> &TaskGroup {
        &self.tasks
    }

    /// `true` for a clean stop. Call it after the drain.
    pub fn into_outcome(self) -> anyhow::Result<bool> {
        match self.failure.lock().take() {
            Some(error) => Err(error),
            None => Ok(!self.tasks.has_failed()),
        }
    }
}

/// Receives notifications from other processes until the stop.
fn spawn_notification_listener(ledger: Ledger, tasks: &TaskGroup) {
    let listening = tasks.clone();
    tasks.spawn("listen", async move {
        tokio::select! {
            () = listening.wait_for_stop() => {}
            () = ledger.listen() => {}
        }
    });
}

/// Keeps metric samples from piling up when nothing scrapes them.
async fn sort_samples(tasks: TaskGroup) {
    while !tasks.is_stopping() {
        tasks.sleep(SAMPLE_SORT_INTERVAL).await;
        telemetry::run_metrics_upkeep();
    }
}

/// Reports readiness and the current status to the service manager.
///
/// Readiness covers HTTP only: the database, the shop or VeraCore can become unavailable at any time,
/// and the daemon waits for them.
fn spawn_status_reporter(supervisor: ServiceNotifier, state: WebState, tasks: &TaskGroup) {
    if !supervisor.is_enabled() {
        return;
    }
    let reporting = tasks.clone();
    tasks.spawn("report_status", async move {
        supervisor.notify_ready("starting; HTTP is ready").await;
        while !reporting.is_stopping() {
            let status = tokio::select! {
                () = reporting.wait_for_stop() => return,
                status = web::status_line(&state) => status,
            };
            supervisor.notify_status(&status).await;
            reporting.sleep(STATUS_INTERVAL).await;
        }
    });
}
