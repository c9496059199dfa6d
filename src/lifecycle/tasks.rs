//! The tasks of the process: every task is spawned here, and waited for at shutdown.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::heartbeat::{Heartbeat, Heartbeats};

/// The tasks of this process and the word to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TaskGroup {
    tracker: TaskTracker,
    /// Of those that these are a part of: they wait for these, too.
    parent: Option<TaskTracker>,
    stop: CancellationToken,
    /// Stops the whole process.
    process_stop: CancellationToken,
    failed: CancellationToken,
    heartbeats: Heartbeats,
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Everything that was going on came to its end.
    Completed,
    /// Time ran out; what was going on is settled from the ledger at the next start.
    TimedOut,
}

impl TaskGroup {
    pub fn new() -> Self {
        let stop = CancellationToken::new();
        Self {
            tracker: TaskTracker::new(),
            parent: None,
            process_stop: stop.clone(),
            stop,
            failed: CancellationToken::new(),
            heartbeats: Heartbeats::default(),
        }
    }

    /// Tasks that can be told to stop, and waited for, apart from the others; told to stop with
    /// them.
    pub fn child(&self) -> Self {
        Self {
            tracker: TaskTracker::new(),
            parent: Some(self.tracker.clone()),
            stop: self.stop.child_token(),
            process_stop: self.process_stop.clone(),
            failed: self.failed.clone(),
            heartbeats: self.heartbeats.clone(),
        }
    }

    fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.parent {
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
    pub fn spawn_critical_once(
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
                tasks.process_stop.cancel();
            }
        });
    }

    /// Starts a task without which the process is of no use: when it ends before the stop, the
    /// process stops, and fails.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are made"
    )]
    pub fn spawn_critical(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = tokio::spawn(task);
        let tasks = self.clone();
        self.track(async move {
            let _ = handle.await;
            if !tasks.is_stopping() {
                tracing::error!(task = name, "a task that must not end has ended; stopping");
                tasks.failed.cancel();
                tasks.process_stop.cancel();
            }
        });
    }

    /// Something that has to come at least this often, as long as the pulse is held; else the
    /// process counts as hanging.
    pub fn register_heartbeat(&self, name: &'static str, patience: Duration) -> Arc<Heartbeat> {
        self.heartbeats.register(name, patience)
    }

    /// The name of what did not come in its time, in any part of these.
    pub fn overdue_heartbeat(&self) -> Option<&'static str> {
        self.heartbeats.overdue()
    }

    /// Tells every task to come to its end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub async fn wait_for_stop(&self) {
        self.stop.cancelled().await;
    }

    /// Whether a vital task ended by itself.
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
    pub async fn drain(&self, patience: Duration) -> DrainOutcome {
        self.tracker.close();
        match tokio::time::timeout(patience, self.tracker.wait()).await {
            Ok(()) => DrainOutcome::Completed,
            Err(_) => DrainOutcome::TimedOut,
        }
    }
}
