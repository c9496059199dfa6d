//! Notifications between the processes on one database: publish, wait, listen.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgListener;
use tokio::time::{sleep, timeout};

use super::notify::Topic;
use crate::ledger::handle::Ledger;

/// Of Postgres. It belongs to the whole database.
const CHANNEL: &str = "veracore_sync";

/// Between two looks at what somebody would tell of.
const SLOW_POLL: Duration = Duration::from_secs(30);

/// After so long without a word one is said, to see whether it arrives.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// How long it may take to say it, and to hear it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// After a connection that could not be made, or was lost. Whoever sleeps is woken only then: what
/// ended one connection may have ended all, and is over soon if it was a restart.
const MIN_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// After a connection on which nothing arrives.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(60);

/// Says nothing but that there is somebody.
const PROBE_PAYLOAD: &str = "here";

impl Ledger {
    /// Waits until somebody, of this process or another, tells of this; for `longest` at most. There
    /// may be one in a process who waits for a word.
    pub async fn wait_for(&self, word: Topic, longest: Duration) {
        tokio::select! {
            () = self.notify_hub.notify_of(word).notified() => {}
            () = sleep(longest) => {}
        }
    }

    /// How long to wait for a word before looking without one: `quick` while none can be heard.
    pub fn poll_interval(&self, quick: Duration) -> Duration {
        if self.is_listening() {
            quick.max(SLOW_POLL)
        } else {
            quick
        }
    }

    /// How long to wait for a word where something becomes due at `next` without one, or is already
    /// and cannot be had: at least `quick`.
    pub fn poll_delay(&self, next: Option<DateTime<Utc>>, quick: Duration) -> Duration {
        let longest = self.poll_interval(quick);
        let until = |at: DateTime<Utc>| (at - self.now()).to_std().unwrap_or_default();
        next.map_or(longest, until).clamp(quick, longest)
    }

    /// Whether words of other processes arrive.
    pub fn is_listening(&self) -> bool {
        self.notify_hub.is_listening()
    }

    /// Tells every process, this one included. Only a hint: who did what it is about has done it, so
    /// nothing follows when this fails. In a statement of its own, since Postgres lets one such
    /// commit wait for the other. Told of orders are those that others are to work on: whoever means to
    /// claim one himself says nothing.
    pub(crate) async fn publish(&self, word: Topic) {
        self.notify_hub.wake(word);
        self.send_notification(word.as_str()).await;
    }

    /// Whether it could be said.
    async fn send_notification(&self, word: &str) -> bool {
        let saying = sqlx::query!("select pg_notify($1, $2)", CHANNEL, word).execute(&self.pool);
        // Nobody waits long for the sake of a hint.
        match timeout(PROBE_TIMEOUT, saying).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => tracing::debug!(%error, word, "other processes could not be told"),
            Err(_) => tracing::debug!(word, "other processes could not be told in time"),
        }
        false
    }

    /// Listens, without end. Needs a connection besides the pool's.
    pub async fn listen(&self) {
        let (mut told, mut away) = (false, MIN_RECONNECT_DELAY);
        loop {
            match self.pool.listen(CHANNEL).await {
                Ok(mut listener) => {
                    if self.receive_notifications(&mut listener).await {
                        (told, away) = (false, MIN_RECONNECT_DELAY);
                    } else {
                        if !told {
                            told = true;
                            tracing::info!(
                                "what is told over the database's connections does not arrive (a proxy that shares them?); the ledger is looked at more often instead"
                            );
                        }
                        self.notify_hub.set_listening(false);
                        sleep(MAX_RECONNECT_DELAY).await;
                        continue;
                    }
                }
                // Who needs the database for more says so, unless it is only this that it refuses.
                Err(error) if away >= MAX_RECONNECT_DELAY && !told => {
                    told = true;
                    tracing::info!(%error, "other processes cannot be listened to; the ledger is looked at more often instead");
                }
                Err(error) => tracing::debug!(%error, "other processes cannot be listened to"),
            }
            sleep(away).await;
            self.notify_hub.set_listening(false);
            away = (away * 2).min(MAX_RECONNECT_DELAY);
        }
    }

    /// Listens until the connection is lost, or (`false`) nothing arrives on it.
    async fn receive_notifications(&self, listener: &mut PgListener) -> bool {
        loop {
            if !self.send_notification(PROBE_PAYLOAD).await {
                return true;
            }
            let mut patience = PROBE_TIMEOUT;
            // Anybody's word will do.
            while let Ok(word) = timeout(patience, listener.try_recv()).await {
                let Ok(Some(word)) = word else { return true };
                patience = PROBE_INTERVAL;
                self.notify_hub.set_listening(true);
                let known = Topic::ALL.into_iter();
                for word in known.filter(|known| known.as_str() == word.payload()) {
                    self.notify_hub.wake(word);
                }
            }
            if patience == PROBE_TIMEOUT {
                return false;
            }
        }
    }

    /// Ends all connections, and tells other processes of events that were raised here and that
    /// nobody here delivers.
    pub async fn close(&self) {
        for word in [Topic::Events, Topic::Notes] {
            if self.notify_hub.take_pending(word) {
                self.publish(word).await;
            }
        }
        self.pool.close().await;
    }
}
