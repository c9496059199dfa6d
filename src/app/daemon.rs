//! The daemon: from the configuration to running jobs, with everything that may be away at the
//! start waited for, and everything that is wrong refused.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::Notify};

use super::{App, Refused, calendar, load_config, telling};
use crate::{
    config::Sources,
    domain::ErrorCategory,
    lifecycle::Tasks,
    sync::{
        housekeeping,
        jobs::Scheduled,
        outage::Outage,
        reconcile,
        runner::{self, Intervals},
        scheduler::{self, ScheduledJob, Scheduler, Tick},
        upstreams::{self, Probes},
    },
    telemetry::Target,
    web::{self, Ends, WebState},
};

/// Between two tries to reach what is away at the start.
const PAUSE: Duration = Duration::from_secs(3);

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
    pub async fn start(sources: Sources) -> anyhow::Result<Self> {
        let tasks = Tasks::new();
        let (config, stored) = load_config(sources.clone()).await?;
        let app = App::build(config, tasks.clone())?;
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
        let state = WebState {
            ledger: app.ledger.clone(),
            ends: Ends::default(),
        };
        let ends = state.ends.clone();
        let server = web::serve(listener, state, daemon.tasks.clone());
        daemon.tasks.spawn_vital("serve_http", server);
        let (tasks, failure) = (daemon.tasks.clone(), Arc::clone(&daemon.failure));
        // When the stored settings could not be read, the objects are made anew with them later.
        let sources = stored.is_err().then_some(sources);
        daemon.tasks.spawn_needed("start_jobs", async move {
            if let Err(error) = start_jobs(app, sources, ends, &tasks).await {
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

async fn start_jobs(
    app: App,
    sources: Option<Sources>,
    ends: Ends,
    tasks: &Tasks,
) -> anyhow::Result<()> {
    if !migrated(&app, tasks).await? {
        return Ok(());
    }
    let app = match sources {
        None => app,
        Some(sources) => App::load(sources, tasks.clone()).await?,
    };
    app.ledger.note_first_start().await?;
    ends.watch(app.upstreams.clone(), app.ledger.clone());
    telling::deliver_events(&app, tasks).await?;
    let tidy = keep_tidy(&app);
    tasks.spawn("tidy_ledger", tidy());
    tick_every_minute(tidy, tasks);
    if !app.config.server.sync_enabled {
        tracing::warn!(
            "SYNC_ENABLED is false: HTTP is served, nothing is moved to or from VeraCore"
        );
        return Ok(());
    }
    if !shop_is_right(&app, tasks).await? {
        return Ok(());
    }
    tasks.spawn_vital(
        "watch_upstreams",
        upstreams::watch_upstreams(
            app.upstreams.clone(),
            Probes {
                storefront: Arc::clone(&app.storefront),
                states: app.config.orders.trigger_states.clone(),
                provider: Arc::clone(&app.provider),
                number: app.probe_number().clone(),
            },
            app.ledger.clone(),
            tasks.clone(),
        ),
    );
    say_whether_veracore_takes_us(&app).await;
    let wake = Arc::new(Notify::new());
    let intervals = Intervals {
        poll: app.config.orders.poll_interval,
        sweep: app.config.orders.sweep_interval,
    };
    tasks.spawn_vital(
        "discover_orders",
        runner::discover_orders(
            app.orders.clone(),
            Arc::clone(&wake),
            intervals,
            Arc::clone(&app.clock),
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
    tasks.spawn_vital(
        "submit_orders",
        runner::submit_orders(
            app.orders.clone(),
            wake,
            Arc::clone(&app.clock),
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
    telling::write_notes(&app, tasks);
    run_on_schedule(&app, scheduled_jobs(&app), tasks);
    tracing::info!("carrying orders to VeraCore");
    Ok(())
}

/// The jobs that run on a schedule.
fn scheduled_jobs(app: &App) -> Vec<Arc<dyn ScheduledJob>> {
    let inventory = Scheduled {
        service: app.inventory.clone(),
        ledger: app.ledger.clone(),
        upstreams: app.upstreams.clone(),
    };
    let tracking = Scheduled {
        service: app.tracking.clone(),
        ledger: app.ledger.clone(),
        upstreams: app.upstreams.clone(),
    };
    vec![Arc::new(inventory), Arc::new(tracking)]
}

/// The first look is taken at once, so that what was missed is made up without delay.
fn run_on_schedule(app: &App, jobs: Vec<Arc<dyn ScheduledJob>>, tasks: &Tasks) {
    let scheduler = Scheduler::new(
        jobs,
        calendar(&app.config.schedule),
        app.ledger.clone(),
        Arc::clone(&app.clock),
        tasks.clone(),
    );
    scheduler.tick();
    let reconcile = reconcile_nightly(app, tasks);
    let tick: Tick = Arc::new(move || {
        scheduler.tick();
        reconcile();
        Box::pin(std::future::ready(()))
    });
    tick_every_minute(tick, tasks);
}

fn tick_every_minute(tick: Tick, tasks: &Tasks) {
    let ticking = tasks.clone();
    tasks.spawn_vital("tick_every_minute", async move {
        if let Err(error) = scheduler::tick_every_minute(tick, ticking).await {
            tracing::error!(%error, "the minute's tick cannot be set up");
        }
    });
}

/// Looks whether the nightly reconciliation is due, in a task of its own: it may take longer than a
/// minute, and the stop waits for it. The first minute belongs to the first sweep.
fn reconcile_nightly(app: &App, tasks: &Tasks) -> impl Fn() + Send + Sync + use<> {
    let (service, upstreams) = (app.reconciliation.clone(), app.upstreams.clone());
    let (tasks, warm) = (tasks.clone(), AtomicBool::new(false));
    move || {
        if !warm.swap(true, Ordering::Relaxed) {
            return;
        }
        let (service, upstreams) = (service.clone(), upstreams.clone());
        tasks.spawn("reconcile", async move {
            if let Err(error) = reconcile::reconcile_if_due(&service, &upstreams).await {
                tracing::warn!(%error, "VeraCore: the nightly reconciliation could not be looked after; it is looked at again in a minute");
            }
        });
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

/// Waits for the shop and looks whether it is as configured. `false`: told to stop meanwhile.
async fn shop_is_right(app: &App, tasks: &Tasks) -> anyhow::Result<bool> {
    let mut told = false;
    while !tasks.stopping() {
        let right = tokio::select! {
            () = tasks.stopped() => return Ok(false),
            right = app.ensure_shop_is_right() => right,
        };
        match right {
            Ok(()) => return Ok(true),
            Err(error) if error.is::<Refused>() => return Err(error),
            Err(error) => {
                if !told {
                    tracing::error!(%error, "Vendure does not answer as it should; waiting for it");
                }
                told = true;
                tasks.sleep(PAUSE).await;
            }
        }
    }
    Ok(false)
}

/// One loud line at the start, rather than a quiet one an order later. It does not keep us from
/// starting: orders are found and kept in the meantime.
async fn say_whether_veracore_takes_us(app: &App) {
    // Refused credentials were told of by the circuit, which they opened.
    if let Err(error) = app.provider.find_order(app.probe_number()).await
        && error.category() != ErrorCategory::Auth
    {
        tracing::error!(%error, "VeraCore does not answer as it should; orders wait until it does. `veracore-sync check` says what to do");
    }
}

fn keep_tidy(app: &App) -> Tick {
    let ledger = app.ledger.clone();
    let clock = Arc::clone(&app.clock);
    let days = app.config.server.pii_retention_days;
    let outage = Arc::new(Mutex::new(Outage::of("the ledger cannot be tidied up")));
    Arc::new(move || {
        let (ledger, clock) = (ledger.clone(), Arc::clone(&clock));
        let outage = Arc::clone(&outage);
        let tick: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let tidied = housekeeping::tidy_ledger_if_due(&ledger, &clock, days).await;
            let mut outage = outage.lock().unwrap_or_else(PoisonError::into_inner);
            match tidied {
                Ok(_) => outage.is_over(),
                Err(error) => outage.goes_on(&error),
            }
        });
        tick
    })
}
