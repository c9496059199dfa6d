//! The daemon: from the configuration to running jobs, with everything that may be away at the
//! start waited for, and everything that is wrong refused. When the stored settings change, the jobs
//! come to their end and are started anew with them; HTTP is served all the while.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{App, Refused, desk::Desk, jobs, ledger, settings, start_log, telling};
use crate::{
    clock::{Clock as _, SystemClock},
    config::{self, Sources},
    ledger::{Ledger, LedgerError, StoredSettings, Word},
    lifecycle::{Drained, Supervisor, Tasks},
    sync::runner::Bells,
    telemetry::{self, Target},
    web::{self, Inboxes, Live, WebState},
};

/// Between two tries to reach what is away at the start.
const PAUSE: Duration = Duration::from_secs(3);

/// How often the stored settings are looked at when nobody can tell of a change.
const LOOK: Duration = Duration::from_secs(10);

/// How often it is looked whether the service manager is to be told something new.
const TELL: Duration = Duration::from_secs(10);

/// How long jobs may take to come to their end when the settings changed.
const CHANGE_PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at a shop that is not as the changed settings say.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// How often samples of metrics are sorted, whether anybody asks for them or not.
const SORTING: Duration = Duration::from_secs(5);

/// A running daemon.
pub struct Daemon {
    tasks: Tasks,
    /// Why it stopped by itself.
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Daemon {
    /// Starts serving HTTP and, as soon as the database and the shop are there and right, the jobs.
    ///
    /// # Errors
    /// When the configuration is wrong or the address to listen on is taken.
    pub async fn start(sources: Sources, supervisor: Supervisor) -> anyhow::Result<Self> {
        let tasks = Tasks::new();
        telemetry::measure(SystemClock.now());
        supervisor.watch_over(&tasks);
        let (config, stored) = settings::load_patiently(sources.clone(), |away, wrong| {
            if let Some(log) = config::log_only(&sources) {
                start_log(&log, Target::Stdout);
            }
            supervisor.status_soon("waiting for the database, which may hold what is not set elsewhere");
            tracing::error!(%away, %wrong, "the database does not answer; waiting for it, since it may hold what is not set elsewhere");
        })
        .await?;
        let jobs = tasks.part();
        let ledger = ledger(&config.database, Arc::new(SystemClock))?;
        let app = App::build(config, ledger, jobs.clone())?;
        app.log_to(Target::Stdout);
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
            Arc::new(Desk::new(sources.clone(), app.ledger.clone())),
        );
        let carrying = Carrying {
            sources,
            live: state.live.clone(),
            inboxes: state.inboxes.clone(),
            tasks: daemon.tasks.clone(),
        };
        let server = web::serve(listener, state.clone(), daemon.tasks.clone());
        daemon.tasks.spawn_vital("serve_http", server);
        daemon
            .tasks
            .spawn("sort_samples", sort_samples(daemon.tasks.clone()));
        hear_others(app.ledger.clone(), &daemon.tasks);
        tell_supervisor(supervisor, state, &daemon.tasks);
        let (tasks, failure) = (daemon.tasks.clone(), Arc::clone(&daemon.failure));
        let in_force = InForce { app, jobs };
        daemon.tasks.spawn_needed("carry_on", async move {
            if let Err(error) = carrying.carry_on(in_force, stored.ok()).await {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                tasks.stop();
            }
        });
        Ok(daemon)
    }

    #[must_use]
    pub const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Whether it came to its end as told to, after the drain.
    ///
    /// # Errors
    /// Why it stopped by itself.
    pub fn end(self) -> anyhow::Result<bool> {
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error),
            None => Ok(!self.tasks.has_failed()),
        }
    }
}

/// Hears what other processes tell of, until the stop.
fn hear_others(ledger: Ledger, tasks: &Tasks) {
    let listening = tasks.clone();
    tasks.spawn("listen", async move {
        tokio::select! {
            () = listening.stopped() => {}
            () = ledger.listen() => {}
        }
    });
}

/// Keeps the samples of metrics from piling up, until the stop.
async fn sort_samples(tasks: Tasks) {
    while !tasks.stopping() {
        tasks.sleep(SORTING).await;
        telemetry::sort_samples();
    }
}

/// Tells the service manager how we are, now and whenever that changes. Whoever waits for us to be
/// ready waits for HTTP only: what else is away at the start, the database, the shop or VeraCore, may
/// be away later as well, and is waited for here.
fn tell_supervisor(supervisor: Supervisor, state: WebState, tasks: &Tasks) {
    if !supervisor.is_there() {
        return;
    }
    let telling = tasks.clone();
    tasks.spawn("tell_supervisor", async move {
        supervisor.ready("HTTP is served; starting").await;
        while !telling.stopping() {
            let status = tokio::select! {
                () = telling.stopped() => return,
                status = web::in_a_line(&state) => status,
            };
            supervisor.status(&status).await;
            telling.sleep(TELL).await;
        }
    });
}

/// A configuration in force, with its jobs.
struct InForce {
    app: App,
    jobs: Tasks,
}

/// What goes on from one configuration to the next.
struct Carrying {
    sources: Sources,
    live: Live,
    inboxes: Inboxes,
    tasks: Tasks,
}

impl Carrying {
    /// Carries on until the stop. `stored`: the settings that `first` was made with; `None` when they
    /// could not be read then.
    async fn carry_on(self, first: InForce, stored: Option<StoredSettings>) -> anyhow::Result<()> {
        if !migrated(&first.app, &self.tasks).await? {
            return Ok(());
        }
        let ledger = first.app.ledger.clone();
        let Some(_) = patiently(&self.tasks, || ledger.note_first_start()).await? else {
            return Ok(());
        };
        let (mut current, mut stored) = match stored {
            Some(stored) => (first, stored),
            None => {
                let Some(stored) = patiently(&self.tasks, || ledger.stored_settings()).await?
                else {
                    return Ok(());
                };
                let current = made_of(&self.sources, &self.tasks, &first.app.ledger, &stored)?;
                (current, stored)
            }
        };
        let mut is_first = true;
        loop {
            // Nobody is left who would find out that it is over, should the work be paused now.
            current.app.ledger.note_trouble(None);
            let bells = Bells::default();
            self.live.put(current.app.services(&bells));
            self.inboxes.put(current.app.webhooks.clone());
            jobs::keep_tidy(&current.app, &current.jobs);
            let jobs = run(&current, &bells, is_first);
            let next = tokio::select! {
                outcome = jobs => return outcome,
                () = self.tasks.stopped() => return Ok(()),
                next = changed(&self.sources, &self.tasks, &current.app, &mut stored) => next,
            };
            current.jobs.stop();
            let drained = tokio::select! {
                () = self.tasks.stopped() => return Ok(()),
                drained = current.jobs.drain(CHANGE_PATIENCE) => drained,
            };
            if drained == Drained::TimedOut {
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
async fn patiently<T, F: Future<Output = Result<T, LedgerError>>>(
    tasks: &Tasks,
    ask: impl Fn() -> F,
) -> Result<Option<T>, LedgerError> {
    while !tasks.stopping() {
        match ask().await {
            Err(error) if error.is_away() => tasks.sleep(PAUSE).await,
            other => return other.map(Some),
        }
    }
    Ok(None)
}

/// The way to the database is the same for all of them: nothing of it is stored.
fn made_of(
    sources: &Sources,
    tasks: &Tasks,
    ledger: &Ledger,
    stored: &StoredSettings,
) -> anyhow::Result<InForce> {
    let config = settings::with_stored(sources.clone(), stored)?;
    let jobs = tasks.part();
    let app = App::build(config, ledger.clone(), jobs.clone())?;
    Ok(InForce { app, jobs })
}

/// Starts the jobs, and does not return unless they cannot be. A shop that is not as configured ends
/// the process at its start, where whoever starts it looks; but not when the settings are changed
/// while it serves, or they could not be changed back.
async fn run(current: &InForce, bells: &Bells, is_first: bool) -> anyhow::Result<()> {
    telling::deliver_events(&current.app, &current.jobs)?;
    let mut told = false;
    loop {
        match jobs::start(&current.app, bells, &current.jobs).await {
            Ok(()) => return pending().await,
            Err(error) if !is_first && error.is::<Refused>() => {
                if !told {
                    tracing::error!(%error, "nothing is moved to or from VeraCore with the changed settings");
                }
                told = true;
                current.jobs.sleep(REFUSED_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits for settings that are other than `stored` and can be used.
async fn changed(
    sources: &Sources,
    tasks: &Tasks,
    app: &App,
    stored: &mut StoredSettings,
) -> InForce {
    loop {
        app.ledger.told(Word::Settings, app.ledger.pace(LOOK)).await;
        // Whether the database answers is told by those who need it for more.
        let Ok(now) = app.ledger.stored_settings().await else {
            continue;
        };
        if now == *stored {
            continue;
        }
        let names = settings::differing(stored, &now);
        let is_same = settings::means_the_same(sources, stored, &now);
        *stored = now;
        if is_same {
            // Sealed anew, say.
            continue;
        }
        match made_of(sources, tasks, &app.ledger, stored) {
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
async fn migrated(app: &App, tasks: &Tasks) -> anyhow::Result<bool> {
    let mut told = false;
    while !tasks.stopping() {
        let migrated = tokio::select! {
            () = tasks.stopped() => return Ok(false),
            migrated = app.ledger.migrate() => migrated,
        };
        match migrated {
            Ok(()) => return Ok(true),
            Err(error) if error.is_away() => {
                if !told {
                    tracing::error!(%error, "the database does not answer; waiting for it");
                }
                told = true;
                tasks.sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
