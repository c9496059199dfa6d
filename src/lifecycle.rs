//! Start, drain, stop: every task of the process is spawned here, and waited for at the stop.

mod pulse;
mod supervisor;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use pulse::Pulse;
pub use supervisor::Supervisor;

use pulse::Pulses;

/// The tasks of this process and the word to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    /// Of those that these are a part of: they wait for these, too.
    outer: Option<TaskTracker>,
    stop: CancellationToken,
    /// Stops the whole process.
    stop_all: CancellationToken,
    failed: CancellationToken,
    pulses: Pulses,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything that was going on came to its end.
    Fully,
    /// Time ran out; what was going on is settled from the ledger at the next start.
    TimedOut,
}

impl Tasks {
    #[must_use]
    pub fn new() -> Self {
        let stop = CancellationToken::new();
        Self {
            tracker: TaskTracker::new(),
            outer: None,
            stop_all: stop.clone(),
            stop,
            failed: CancellationToken::new(),
            pulses: Pulses::default(),
        }
    }

    /// Tasks that can be told to stop, and waited for, apart from the others; told to stop with
    /// them.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            tracker: TaskTracker::new(),
            outer: Some(self.tracker.clone()),
            stop: self.stop.child_token(),
            stop_all: self.stop_all.clone(),
            failed: self.failed.clone(),
            pulses: self.pulses.clone(),
        }
    }

    fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.outer {
            Some(outer) => self.tracker.spawn(outer.track_future(task)),
            None => self.tracker.spawn(task),
        };
    }

    /// Starts a task. A panic in it is logged; it ends that task, and no other.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are made"
    )]
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task);
        self.track(async move {
            if let Err(error) = handle.await
                && error.is_panic()
            {
                tracing::error!(
                    task = name,
                    "a task panicked; this is a defect, please report it"
                );
            }
        });
    }

    /// Starts a task that ends by itself, but must not fail: after a panic in it the process stops,
    /// and fails.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are made"
    )]
    pub fn spawn_needed(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = tokio::spawn(task);
        let tasks = self.clone();
        self.track(async move {
            if handle.await.is_err_and(|error| error.is_panic()) {
                tracing::error!(
                    task = name,
                    "a task panicked; this is a defect, please report it"
                );
                tasks.failed.cancel();
                tasks.stop_all.cancel();
            }
        });
    }

    /// Starts a task without which the process is of no use: when it ends before the stop, the
    /// process stops, and fails.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are made"
    )]
    pub fn spawn_vital(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task);
        let tasks = self.clone();
        self.track(async move {
            let _ = handle.await;
            if !tasks.stopping() {
                tracing::error!(task = name, "a task that must not end has ended; stopping");
                tasks.failed.cancel();
                tasks.stop_all.cancel();
            }
        });
    }

    /// Something that has to come at least this often, as long as the pulse is held; else the
    /// process counts as hanging.
    #[must_use]
    pub fn pulse(&self, name: &'static str, patience: Duration) -> Arc<Pulse> {
        self.pulses.expect(name, patience)
    }

    /// The name of what did not come in its time, in any part of these.
    #[must_use]
    pub fn late_pulse(&self) -> Option<&'static str> {
        self.pulses.late()
    }

    /// Tells every task to come to its end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether a vital task ended by itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Sleeps, or until the stop.
    pub async fn sleep(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Waits for all tasks after [`Self::stop`], for `patience` at most.
    pub async fn drain(&self, patience: Duration) -> Drained {
        self.tracker.close();
        match tokio::time::timeout(patience, self.tracker.wait()).await {
            Ok(()) => Drained::Fully,
            Err(_) => Drained::TimedOut,
        }
    }
}

/// The signals to stop, listened to from the moment that this is made.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// # Errors
    /// When signals cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for SIGTERM or SIGINT, and returns its name.
    pub async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
