//! The tasks of the process: every task is spawned here, and waited for at shutdown.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::heartbeat::{Heartbeat, Heartbeats};

/// The tasks of this process and their stop signal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TaskGroup {
    tracker: TaskTracker,
    /// The trackers of the enclosing groups: they wait for these tasks, too.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOutcome {
    /// All work in flight finished.
    Completed,
    /// Time ran out; the next start settles the work in flight from the ledger.
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

    /// A group of tasks that can be stopped and awaited on its own, and stops with its parent.
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

    /// Starts a task. A panic is logged and ends that task only.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_watched(name, task, |_, _| false);
    }

    /// Starts a task that may end but must not fail: a panic stops the process with a failure.
    pub fn spawn_critical_once(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn_watched(name, task, |_, panicked| panicked);
    }

    /// Starts a task that the process cannot do without: if it ends before the stop, the process
    /// stops with a failure.
    pub fn spawn_critical(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn_watched(name, task, |tasks, _| !tasks.is_stopping());
    }

    /// `is_fatal`: whether the end of the task, perhaps by a panic, stops the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are spawned"
    )]
    fn spawn_watched(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
        is_fatal: fn(&Self, bool) -> bool,
    ) {
        let handle = tokio::spawn(task);
        let tasks = self.clone();
        self.track(async move {
            let panicked = handle.await.is_err_and(|error| error.is_panic());
            let fatal = is_fatal(&tasks, panicked);
            if panicked {
                tracing::error!(
                    task = name,
                    "a task panicked; this is a defect, please report it"
                );
            }
            if fatal {
                tracing::error!(task = name, "a task that must not end has ended; stopping");
                tasks.failed.cancel();
                tasks.process_stop.cancel();
            }
        });
    }

    /// Starts a heartbeat. If a beat is overdue, the process counts as hanging.
    pub fn register_heartbeat(&self, name: &'static str, max_interval: Duration) -> Arc<Heartbeat> {
        self.heartbeats.register(name, max_interval)
    }

    /// The name of an overdue heartbeat of this group and its children, if any.
    pub fn overdue_heartbeat(&self) -> Option<&'static str> {
        self.heartbeats.overdue()
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub async fn wait_for_stop(&self) {
        self.stop.cancelled().await;
    }

    /// True if a critical task ended before the stop.
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Waits, at most until the stop.
    pub async fn wait_for<T>(&self, event: impl Future<Output = T>) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = event => {}
        }
    }

    /// Sleeps, at most until the stop.
    pub async fn sleep(&self, time: Duration) {
        self.wait_for(tokio::time::sleep(time)).await;
    }

    /// Waits for all tasks after [`Self::stop`], at most for `timeout`.
    pub async fn drain(&self, timeout: Duration) -> DrainOutcome {
        self.tracker.close();
        match tokio::time::timeout(timeout, self.tracker.wait()).await {
            Ok(()) => DrainOutcome::Completed,
            Err(_) => DrainOutcome::TimedOut,
        }
    }
}
