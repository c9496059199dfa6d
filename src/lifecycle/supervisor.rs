//! The service manager that started this process, where it wants to be told how it is: systemd's
//! `Type=notify` with a watchdog, and whatever else sets `NOTIFY_SOCKET`.
//!
//! Owns what is said to it and when. Must not know why the process is as it is.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sd_notify::NotifyState;

use super::Tasks;
use crate::domain::text::one_line;

/// Between two signs of life where no watchdog says how many it wants.
const STEP: Duration = Duration::from_secs(10);

/// A manager that asks for signs of life more often than this means something else.
const SHORTEST_WATCHDOG: Duration = Duration::from_millis(20);

/// What fits on a line of `systemctl status`.
const LONGEST_STATUS: usize = 200;

/// Who is told; nobody, unless the environment names somebody. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor {
    is_there: bool,
    told: Arc<Told>,
    /// The tasks that tell it. They outlive the others: the manager is told until the very end.
    tasks: Tasks,
}

#[derive(Debug, Default)]
struct Told {
    is_ready: AtomicBool,
    has_failed: AtomicBool,
    status: Mutex<String>,
}

impl Supervisor {
    /// `is_there`: whether the environment names a socket (`NOTIFY_SOCKET`).
    #[must_use]
    pub fn new(is_there: bool) -> Self {
        Self {
            is_there,
            told: Arc::default(),
            tasks: Tasks::new(),
        }
    }

    /// Whether anybody wants to be told.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.is_there
    }

    /// Shows that the process lives, at half the watchdog's interval, until [`Self::farewell`]: the
    /// runtime wakes this task, and no pulse of `watched` is late. As long as the process is not
    /// ready, asks for more time to become so.
    pub fn watch_over(&self, watched: &Tasks) {
        if !self.is_there {
            return;
        }
        let (this, watched) = (self.clone(), watched.clone());
        self.tasks.spawn("show_signs_of_life", async move {
            let watchdog = sd_notify::watchdog_enabled().filter(|time| *time > SHORTEST_WATCHDOG);
            let step = watchdog.map_or(STEP, |time| time / 2);
            let mut is_told = false;
            while !this.tasks.stopping() {
                if !this.told.is_ready.load(Ordering::Relaxed) {
                    let more = (step * 2 + STEP).as_micros();
                    this.tell(format!("EXTEND_TIMEOUT_USEC={more}")).await;
                }
                match watched.late_pulse() {
                    None if watchdog.is_some() => {
                        this.tell(NotifyState::Watchdog.to_string()).await;
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
    pub async fn ready(&self, status: &str) {
        self.told.is_ready.store(true, Ordering::Relaxed);
        let status = self.note(status).unwrap_or_default();
        let words = [NotifyState::Ready, NotifyState::Status(&status)];
        self.tell(lines(&words)).await;
    }

    /// How the process is, in a line for people. Said again only when it is other than before.
    pub async fn status(&self, status: &str) {
        if let Some(status) = self.note(status) {
            self.tell(NotifyState::Status(&status).to_string()).await;
        }
    }

    /// The same from where nobody waits.
    pub fn status_soon(&self, status: &'static str) {
        let this = self.clone();
        self.tasks
            .spawn("tell_status", async move { this.status(status).await });
    }

    /// The process comes to its end; the watchdog's time begins anew.
    pub async fn stopping(&self) {
        let status = "stopping: work in flight is finished";
        let words = [
            NotifyState::Stopping,
            NotifyState::Status(status),
            NotifyState::Watchdog,
        ];
        self.tell(lines(&words)).await;
    }

    /// Nothing more is said.
    pub fn farewell(&self) {
        self.tasks.stop();
    }

    /// The status, should it be a new one.
    fn note(&self, status: &str) -> Option<String> {
        let status = one_line(status, LONGEST_STATUS);
        let mut told = self
            .told
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *told == status {
            return None;
        }
        told.clone_from(&status);
        Some(status)
    }

    /// In a thread of its own: a manager that does not take its messages keeps the sender waiting.
    async fn tell(&self, words: String) {
        if !self.is_there {
            return;
        }
        let said = tokio::task::spawn_blocking(move || {
            sd_notify::notify(&[NotifyState::Custom(&words)]).map_err(|error| error.to_string())
        });
        if let Ok(Err(error)) = said.await
            && !self.told.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                error,
                "the service manager at NOTIFY_SOCKET cannot be told how this process is"
            );
        }
    }
}

fn lines(words: &[NotifyState<'_>]) -> String {
    let lines: Vec<String> = words.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
