//! Starts the tasks of one configuration: order sync, inbox, outbox and the scheduled jobs.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{App, SetupError, calendar, outbox};
use crate::{
    domain::ErrorCategory,
    lifecycle::TaskGroup,
    sync::{
        inbox,
        jobs::{
            maintenance::Maintenance,
            run_once::Schedule,
            scheduler::{ScheduledJob, Scheduler},
        },
        orders::{
            discovery_loop::{self, PollIntervals, WorkerWakeup},
            worker,
        },
        post_send, upstreams,
    },
    telemetry::LogOnce,
};

const SHOP_RETRY_DELAY: Duration = Duration::from_secs(3);

/// Delay between checks of a shop that does not match the changed settings.
const SHOP_RECHECK_DELAY: Duration = Duration::from_secs(30);

/// Starts the tasks once the shop answers and matches the configuration.
///
/// A [`SetupError`], for a shop that does not match, ends the process at its `first` start. After a
/// settings change it must not, or nobody could change the settings back.
pub(super) async fn start(
    app: &App,
    wakeup: &WorkerWakeup,
    tasks: &TaskGroup,
    first: bool,
) -> anyhow::Result<()> {
    if !app.config.server.sync_enabled {
        tracing::warn!("SYNC_ENABLED is false: HTTP is served, VeraCore sync is paused");
        return Ok(());
    }
    if !wait_for_configured_shop(app, tasks, first).await? {
        return Ok(());
    }
    app.is_shop_verified.store(true, Ordering::Relaxed);
    spawn_upstream_watch(app, tasks);
    check_veracore_access(app).await;
    spawn_order_tasks(app, wakeup, tasks);
    spawn_inbox_workers(app, tasks);
    outbox::spawn_note_writer(app, tasks);
    let jobs: Vec<Arc<dyn ScheduledJob>> = vec![
        Arc::new(app.inventory.clone()),
        Arc::new(app.tracking.clone()),
        Arc::new(app.reconciliation.clone()),
    ];
    spawn_scheduler(app, jobs, tasks);
    tracing::info!("VeraCore sync started");
    Ok(())
}

fn spawn_upstream_watch(app: &App, tasks: &TaskGroup) {
    tasks.spawn_critical(
        "watch_upstreams",
        upstreams::watch_upstreams(
            app.orders.clone(),
            app.upstreams.clone(),
            app.probe_order.clone(),
        ),
    );
}

fn spawn_order_tasks(app: &App, wakeup: &WorkerWakeup, tasks: &TaskGroup) {
    let intervals = PollIntervals {
        poll: app.config.orders.poll_interval,
        sweep: app.config.orders.sweep_interval,
    };
    tasks.spawn_critical(
        "discover_orders",
        discovery_loop::discover_orders(
            app.orders.clone(),
            wakeup.clone(),
            intervals,
            app.upstreams.clone(),
        ),
    );
    tasks.spawn_critical(
        "care_for_sent_orders",
        post_send::watch_sent_orders(app.orders.clone(), intervals, app.upstreams.clone()),
    );
    tasks.spawn_critical(
        "submit_orders",
        worker::submit_orders(app.orders.clone(), app.upstreams.clone()),
    );
}

fn spawn_inbox_workers(app: &App, tasks: &TaskGroup) {
    for queue in inbox::InboxQueue::ALL {
        let worker = inbox::InboxWorker {
            inbox: app.webhooks.clone(),
            orders: app.orders.clone(),
            inventory: app.inventory.clone(),
            tracking: app.tracking.clone(),
            upstreams: app.upstreams.clone(),
        };
        tasks.spawn_critical(queue.task_name(), worker.run(queue));
    }
}

/// Daily maintenance of the ledger, which also runs while sync is disabled.
pub(super) fn spawn_maintenance(app: &App, tasks: &TaskGroup) {
    let maintenance = Maintenance {
        ledger: app.ledger.clone(),
        clock: Arc::clone(&app.clock),
        pii_retention_days: app.config.server.pii_retention_days,
    };
    spawn_scheduler(app, vec![Arc::new(maintenance)], tasks);
}

fn spawn_scheduler(app: &App, jobs: Vec<Arc<dyn ScheduledJob>>, tasks: &TaskGroup) {
    let schedule = Schedule {
        calendar: Arc::new(calendar(&app.config.schedule)),
        clock: Arc::clone(&app.clock),
        tasks: tasks.clone(),
    };
    Scheduler::new(jobs, schedule, app.ledger.clone(), app.upstreams.clone()).spawn();
}

/// Waits until the shop matches the configuration. `false`: stopped meanwhile.
async fn wait_for_configured_shop(
    app: &App,
    tasks: &TaskGroup,
    first: bool,
) -> anyhow::Result<bool> {
    let mut outage = LogOnce::new("Vendure does not answer as it should");
    let mut mismatch =
        LogOnce::new("VeraCore sync is stopped: the shop does not match the changed settings");
    while !tasks.is_stopping() {
        let configured = tokio::select! {
            () = tasks.wait_for_stop() => return Ok(false),
            configured = app.ensure_shop_configured() => configured,
        };
        match configured {
            Ok(()) => {
                outage.log_recovery();
                mismatch.log_recovery();
                return Ok(true);
            }
            Err(error) if !error.is::<SetupError>() => {
                outage.log_failure(&error);
                tasks.sleep(SHOP_RETRY_DELAY).await;
            }
            Err(error) if first => return Err(error),
            Err(error) => {
                mismatch.log_failure(&error);
                tasks.sleep(SHOP_RECHECK_DELAY).await;
            }
        }
    }
    Ok(false)
}

/// Logs at the start what would otherwise appear with the first order. The daemon starts anyway:
/// orders are discovered and kept meanwhile.
async fn check_veracore_access(app: &App) {
    // The circuit logs refused credentials, which open it.
    if let Err(error) = app.provider.find_order(&app.probe_order).await
        && error.category() != ErrorCategory::Auth
    {
        tracing::error!(%error, "VeraCore does not answer as it should; orders wait until it does; see `veracore-sync check`");
    }
}
