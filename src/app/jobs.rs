//! The jobs that run while a configuration is in force: everything that moves something, and the
//! day's tidying.

use parking_lot::Mutex;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{App, SetupError, calendar, outbox};
use crate::{
    domain::ErrorCategory,
    lifecycle::TaskGroup,
    sync::{
        inbox,
        jobs::maintenance,
        jobs::scheduler::{self, ScheduledJob, Scheduler, Tick},
        jobs::service_job::ServiceJob,
        orders::{
            discovery_loop::{self, PollIntervals, WorkerWakeup},
            worker,
        },
        post_send, reconcile,
        upstreams::{self, Probes},
    },
    telemetry::LogOnce,
};

/// Between two tries to reach a shop that is away.
const SHOP_RETRY_DELAY: Duration = Duration::from_secs(3);

/// A minute's tick that does not come for so long does not come any more.
const TICK_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Starts them all, as soon as the shop is there and right.
///
/// # Errors
/// [`Refused`] when the shop is not as configured.
pub(super) async fn start(
    app: &App,
    bells: &WorkerWakeup,
    tasks: &TaskGroup,
) -> anyhow::Result<()> {
    if !app.config.server.sync_enabled {
        tracing::warn!(
            "SYNC_ENABLED is false: HTTP is served, nothing is moved to or from VeraCore"
        );
        return Ok(());
    }
    if !wait_for_configured_shop(app, tasks).await? {
        return Ok(());
    }
    app.is_shop_verified.store(true, Ordering::Relaxed);
    spawn_upstream_watch(app, tasks);
    check_veracore_access(app).await;
    spawn_order_tasks(app, bells, tasks);
    spawn_inbox_workers(app, tasks);
    outbox::spawn_note_writer(app, tasks);
    spawn_scheduler(app, scheduled_jobs(app), tasks);
    tracing::info!("carrying orders to VeraCore");
    Ok(())
}

fn spawn_upstream_watch(app: &App, tasks: &TaskGroup) {
    let probes = Probes {
        storefront: Arc::clone(&app.storefront),
        trigger_states: app.config.orders.trigger_states.clone(),
        provider: Arc::clone(&app.provider),
        unknown_order: app.probe_order_code().clone(),
    };
    tasks.spawn_critical(
        "watch_upstreams",
        upstreams::watch_upstreams(
            app.upstreams.clone(),
            probes,
            app.ledger.clone(),
            tasks.clone(),
        ),
    );
}

fn spawn_order_tasks(app: &App, bells: &WorkerWakeup, tasks: &TaskGroup) {
    let intervals = PollIntervals {
        poll: app.config.orders.poll_interval,
        sweep: app.config.orders.sweep_interval,
    };
    tasks.spawn_critical(
        "discover_orders",
        discovery_loop::discover_orders(
            app.orders.clone(),
            bells.clone(),
            intervals,
            Arc::clone(&app.clock),
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
    tasks.spawn_critical(
        "care_for_sent_orders",
        post_send::watch_sent_orders(
            app.orders.clone(),
            intervals,
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
    tasks.spawn_critical(
        "submit_orders",
        worker::submit_orders(
            app.orders.clone(),
            Arc::clone(&app.clock),
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
}

/// Works on what VeraCore told of its own accord.
fn spawn_inbox_workers(app: &App, tasks: &TaskGroup) {
    for desk in inbox::InboxQueue::ALL {
        let worker = inbox::InboxWorker {
            inbox: app.webhooks.clone(),
            orders: app.orders.clone(),
            inventory: app.inventory.clone(),
            tracking: app.tracking.clone(),
            upstreams: app.upstreams.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn_critical(desk.task_name(), worker.run(desk));
    }
}

/// The jobs that run on a schedule.
fn scheduled_jobs(app: &App) -> Vec<Arc<dyn ScheduledJob>> {
    let inventory = ServiceJob {
        service: app.inventory.clone(),
        ledger: app.ledger.clone(),
        upstreams: app.upstreams.clone(),
    };
    let tracking = ServiceJob {
        service: app.tracking.clone(),
        ledger: app.ledger.clone(),
        upstreams: app.upstreams.clone(),
    };
    vec![Arc::new(inventory), Arc::new(tracking)]
}

/// The first look is taken at once, so that what was missed is made up without delay.
fn spawn_scheduler(app: &App, jobs: Vec<Arc<dyn ScheduledJob>>, tasks: &TaskGroup) {
    let scheduler = Scheduler::new(
        jobs,
        calendar(&app.config.schedule),
        app.ledger.clone(),
        Arc::clone(&app.clock),
        tasks.clone(),
    );
    scheduler.tick();
    let reconcile = nightly_reconciliation(app, tasks);
    let tick: Tick = Arc::new(move || {
        scheduler.tick();
        reconcile();
        Box::pin(std::future::ready(()))
    });
    spawn_minute_tick(tick, tasks);
}

fn spawn_minute_tick(tick: Tick, tasks: &TaskGroup) {
    let ticking = tasks.clone();
    let pulse = tasks.register_heartbeat("tick_every_minute", TICK_TIMEOUT);
    let beating = Arc::downgrade(&pulse);
    let tick: Tick = Arc::new(move || {
        if let Some(pulse) = beating.upgrade() {
            pulse.beat();
        }
        tick()
    });
    tasks.spawn_critical("tick_every_minute", async move {
        // Expected for as long as this task is there; the tick may outlive it.
        let _pulse = pulse;
        if let Err(error) = scheduler::tick_every_minute(tick, ticking).await {
            tracing::error!(%error, "the minute's tick cannot be set up");
        }
    });
}

/// Looks whether the nightly reconciliation is due, in a task of its own: it may take longer than a
/// minute, and the stop waits for it. The first minute belongs to the first sweep.
fn nightly_reconciliation(app: &App, tasks: &TaskGroup) -> impl Fn() + Send + Sync + use<> {
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

/// Waits for the shop and looks whether it is as configured. `false`: told to stop meanwhile.
async fn wait_for_configured_shop(app: &App, tasks: &TaskGroup) -> anyhow::Result<bool> {
    let mut told = false;
    while !tasks.is_stopping() {
        let right = tokio::select! {
            () = tasks.wait_for_stop() => return Ok(false),
            right = app.ensure_shop_configured() => right,
        };
        match right {
            Ok(()) => return Ok(true),
            Err(error) if error.is::<SetupError>() => return Err(error),
            Err(error) => {
                if !told {
                    tracing::error!(%error, "Vendure does not answer as it should; waiting for it");
                }
                told = true;
                tasks.sleep(SHOP_RETRY_DELAY).await;
            }
        }
    }
    Ok(false)
}

/// One loud line at the start, rather than a quiet one an order later. It does not keep us from
/// starting: orders are found and kept in the meantime.
async fn check_veracore_access(app: &App) {
    // Refused credentials were told of by the circuit, which they opened.
    if let Err(error) = app.provider.find_order(app.probe_order_code()).await
        && error.category() != ErrorCategory::Auth
    {
        tracing::error!(%error, "VeraCore does not answer as it should; orders wait until it does. `veracore-sync check` says what to do");
    }
}

/// The day's tidying, whether anything is moved or not.
pub(super) fn spawn_maintenance(app: &App, tasks: &TaskGroup) {
    let tidy = maintenance_tick(app);
    tasks.spawn("tidy_ledger", tidy());
    spawn_minute_tick(tidy, tasks);
}

fn maintenance_tick(app: &App) -> Tick {
    let ledger = app.ledger.clone();
    let clock = Arc::clone(&app.clock);
    let days = app.config.server.pii_retention_days;
    let outage = Arc::new(Mutex::new(LogOnce::new("the ledger cannot be tidied up")));
    Arc::new(move || {
        let (ledger, clock) = (ledger.clone(), Arc::clone(&clock));
        let outage = Arc::clone(&outage);
        let tick: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let tidied = maintenance::run_maintenance_if_due(&ledger, &clock, days).await;
            let mut outage = outage.lock();
            match tidied {
                Ok(_) => outage.log_recovery(),
                Err(error) => outage.log_failure(&error),
            }
        });
        tick
    })
}
