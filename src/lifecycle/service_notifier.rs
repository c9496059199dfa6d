//! The service manager that started this process, where it wants to be told how it is: systemd's
//! `Type=notify` with a watchdog, and whatever else sets `NOTIFY_SOCKET`.
//!
//! Owns what is said to it and when. Must not know why the process is as it is.

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

/// Between two signs of life where no watchdog says how many it wants.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// A manager that asks for signs of life more often than this means something else.
const MIN_WATCHDOG: Duration = Duration::from_millis(20);

/// What fits on a line of `systemctl status`.
const MAX_STATUS_CHARS: usize = 200;

/// Who is told; nobody, unless the environment names somebody. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServiceNotifier {
    is_enabled: bool,
    reported: Arc<ReportedStatus>,
    /// The tasks that tell it. They outlive the others: the manager is told until the very end.
    tasks: TaskGroup,
}

#[derive(Debug, Default)]
struct ReportedStatus {
    is_ready: AtomicBool,
    send_failed: AtomicBool,
    status: Mutex<String>,
}

impl ServiceNotifier {
    /// `is_there`: whether the environment names a socket (`NOTIFY_SOCKET`).
    pub fn new(is_enabled: bool) -> Self {
        Self {
            is_enabled,
            reported: Arc::default(),
            tasks: TaskGroup::new(),
        }
    }

    /// Whether anybody wants to be told.
    pub const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Shows that the process lives, at half the watchdog's interval, until [`Self::farewell`]: the
    /// runtime wakes this task, and no pulse of `watched` is late. As long as the process is not
    /// ready, asks for more time to become so.
    pub fn start_watchdog(&self, watched: &TaskGroup) {
        if !self.is_enabled {
            return;
        }
        let (this, watched) = (self.clone(), watched.clone());
        self.tasks.spawn("show_signs_of_life", async move {
            let watchdog = sd_notify::watchdog_enabled().filter(|time| *time > MIN_WATCHDOG);
            let step = watchdog.map_or(DEFAULT_INTERVAL, |time| time / 2);
            let mut is_told = false;
            while !this.tasks.is_stopping() {
                if !this.reported.is_ready.load(Ordering::Relaxed) {
                    let more = (step * 2 + DEFAULT_INTERVAL).as_micros();
                    this.send(format!("EXTEND_TIMEOUT_USEC={more}")).await;
                }
                match watched.overdue_heartbeat() {
                    None if watchdog.is_some() => {
                        this.send(NotifyState::Watchdog.to_string()).await;
                    }
                    Some(pulse) if !is_told => {
                        is_told = true;
                        tracing::error!(
                            pulse,
                            "a part of this process hangs; this is a defect, please report it. The service manager's watchdog, where there is one, starts it anew"
                        );
                    }
                    _ => {}
                }
                this.tasks.sleep(step).await;
            }
        });
    }

    /// The process does what it is asked for, and this is how it is.
    pub async fn notify_ready(&self, status: &str) {
        self.reported.is_ready.store(true, Ordering::Relaxed);
        let status = self.record_status(status).unwrap_or_default();
        let words = [NotifyState::Ready, NotifyState::Status(&status)];
        self.send(join_states(&words)).await;
    }

    /// How the process is, in a line for people. Said again only when it is other than before.
    pub async fn notify_status(&self, status: &str) {
        if let Some(status) = self.record_status(status) {
            self.send(NotifyState::Status(&status).to_string()).await;
        }
    }

    /// The same from where nobody waits.
    pub fn spawn_notify_status(&self, status: &'static str) {
        let this = self.clone();
        self.tasks.spawn(
            "tell_status",
            async move { this.notify_status(status).await },
        );
    }

    /// The process comes to its end; the watchdog's time begins anew.
    pub async fn notify_stopping(&self) {
        let status = "stopping: work in flight is finished";
        let words = [
            NotifyState::Stopping,
            NotifyState::Status(status),
            NotifyState::Watchdog,
        ];
        self.send(join_states(&words)).await;
    }

    /// Nothing more is said.
    pub fn close(&self) {
        self.tasks.stop();
    }

    /// The status, should it be a new one.
    fn record_status(&self, status: &str) -> Option<String> {
        let status = one_line(status, MAX_STATUS_CHARS);
        let mut told = self.reported.status.lock();
        if *told == status {
            return None;
        }
        told.clone_from(&status);
        Some(status)
    }

    /// In a thread of its own: a manager that does not take its messages keeps the sender waiting.
    async fn send(&self, words: String) {
        if !self.is_enabled {
            return;
        }
        let said = tokio::task::spawn_blocking(move || {
            sd_notify::notify(&[NotifyState::Custom(&words)]).map_err(|error| error.to_string())
        });
        if let Ok(Err(error)) = said.await
            && !self.reported.send_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                error,
                "the service manager at NOTIFY_SOCKET cannot be told how this process is"
            );
        }
    }
}

fn join_states(words: &[NotifyState<'_>]) -> String {
    let lines: Vec<String> = words.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
