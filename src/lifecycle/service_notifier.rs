//! Notifies the service manager that started this process: systemd's `Type=notify` with a watchdog,
//! and anything else that sets `NOTIFY_SOCKET`.
//!
//! Owns the messages and their timing. Must not know the reasons behind a status.

use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sd_notify::NotifyState;

use super::tasks::TaskGroup;
use crate::domain::text::one_line;

/// The interval between two keep-alives if no watchdog asks for another.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// The shortest watchdog interval that is plausible.
const MIN_WATCHDOG: Duration = Duration::from_millis(20);

/// The longest status that fits on a line of `systemctl status`.
const MAX_STATUS_CHARS: usize = 200;

/// The service manager, if the environment names one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServiceNotifier {
    is_enabled: bool,
    reported: Arc<ReportedStatus>,
    /// The notifying tasks. They outlive all others, so that the manager is notified until the end.
    tasks: TaskGroup,
}

#[derive(Debug, Default)]
struct ReportedStatus {
    is_ready: AtomicBool,
    send_failed: AtomicBool,
    status: Mutex<String>,
}

impl ServiceNotifier {
    /// `is_enabled`: the environment names a socket (`NOTIFY_SOCKET`).
    pub fn new(is_enabled: bool) -> Self {
        Self {
            is_enabled,
            reported: Arc::default(),
            tasks: TaskGroup::new(),
        }
    }

    /// True if there is a service manager to notify.
    pub const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Sends a keep-alive at half the watchdog's interval until [`Self::close`], as long as the
    /// runtime wakes this task and no heartbeat of `watched` is overdue. Until the process is ready,
    /// extends the start timeout.
    pub fn start_watchdog(&self, watched: &TaskGroup) {
        if !self.is_enabled {
            return;
        }
        let (this, watched) = (self.clone(), watched.clone());
        self.tasks.spawn("keep_alive", async move {
            let watchdog = sd_notify::watchdog_enabled().filter(|time| *time > MIN_WATCHDOG);
            let step = watchdog.map_or(DEFAULT_INTERVAL, |time| time / 2);
            let mut is_logged = false;
            while !this.tasks.is_stopping() {
                if !this.reported.is_ready.load(Ordering::Relaxed) {
                    let extension = (step * 2 + DEFAULT_INTERVAL).as_micros();
                    this.send(format!("EXTEND_TIMEOUT_USEC={extension}")).await;
                }
                match watched.overdue_heartbeat() {
                    None if watchdog.is_some() => {
                        this.send(NotifyState::Watchdog.to_string()).await;
                    }
                    Some(pulse) if !is_logged => {
                        is_logged = true;
                        tracing::error!(
                            pulse,
                            "a task hangs; this is a defect, please report it. A watchdog of the service manager restarts the process"
                        );
                    }
                    _ => {}
                }
                this.tasks.sleep(step).await;
            }
        });
    }

    /// Reports that the process is ready, with its status.
    pub async fn notify_ready(&self, status: &str) {
        self.reported.is_ready.store(true, Ordering::Relaxed);
        let status = self.record_status(status).unwrap_or_default();
        let states = [NotifyState::Ready, NotifyState::Status(&status)];
        self.send(join_states(&states)).await;
    }

    /// Reports the status as a line of text; only when it changed.
    pub async fn notify_status(&self, status: &str) {
        if let Some(status) = self.record_status(status) {
            self.send(NotifyState::Status(&status).to_string()).await;
        }
    }

    /// The same without waiting.
    pub fn spawn_notify_status(&self, status: &'static str) {
        let this = self.clone();
        self.tasks.spawn(
            "notify_status",
            async move { this.notify_status(status).await },
        );
    }

    /// Reports that the process stops; the watchdog's interval starts again.
    pub async fn notify_stopping(&self) {
        let status = "stopping: finishing work in flight";
        let states = [
            NotifyState::Stopping,
            NotifyState::Status(status),
            NotifyState::Watchdog,
        ];
        self.send(join_states(&states)).await;
    }

    /// Stops all notifications.
    pub fn close(&self) {
        self.tasks.stop();
    }

    /// The status, made safe to show, if it changed.
    fn record_status(&self, status: &str) -> Option<String> {
        let status = one_line(status, MAX_STATUS_CHARS);
        let mut last = self.reported.status.lock();
        if *last == status {
            return None;
        }
        last.clone_from(&status);
        Some(status)
    }

    /// Runs in its own thread: a manager that does not read its messages blocks the sender.
    async fn send(&self, message: String) {
        if !self.is_enabled {
            return;
        }
        let sent = tokio::task::spawn_blocking(move || {
            sd_notify::notify(&[NotifyState::Custom(&message)]).map_err(|error| error.to_string())
        });
        if let Ok(Err(error)) = sent.await
            && !self.reported.send_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                error,
                "the service manager at NOTIFY_SOCKET cannot be notified"
            );
        }
    }
}

fn join_states(states: &[NotifyState<'_>]) -> String {
    let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
