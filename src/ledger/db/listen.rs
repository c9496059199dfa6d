//! Notifications between the processes on one database: publish, wait, listen.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgListener;
use tokio::time::{sleep, timeout};

use super::notify::Topic;
use crate::ledger::handle::Ledger;

/// The Postgres channel. Channels are shared by all installations in a database.
const CHANNEL: &str = "veracore_sync";

/// Poll interval while notifications arrive.
const SLOW_POLL: Duration = Duration::from_secs(30);

/// A probe is sent after this time without a notification.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// Limit on sending a notification, and on the arrival of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// First delay after a connection failed. Waiters wake only after it: the cause may have broken all
/// connections, and a restart is over soon.
const MIN_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Delay after a connection on which nothing arrives, and the limit of the delays.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(60);

const PROBE_PAYLOAD: &str = "here";

impl Ledger {
    /// Waits until a process publishes the topic, or for `timeout`. Each topic has one waiter per
    /// process.
    pub async fn wait_for(&self, topic: Topic, timeout: Duration) {
        tokio::select! {
            () = self.notify_hub.notify_of(topic).notified() => {}
            () = sleep(timeout) => {}
        }
    }

    /// Returns the interval for polls: `quick` while no notifications arrive.
    pub fn poll_interval(&self, quick: Duration) -> Duration {
        if self.is_listening() {
            quick.max(SLOW_POLL)
        } else {
            quick
        }
    }

    /// Returns the delay until the next poll when work becomes due at `next`; at least `quick`.
    pub fn poll_delay(&self, next: Option<DateTime<Utc>>, quick: Duration) -> Duration {
        let longest = self.poll_interval(quick);
        let until = |at: DateTime<Utc>| (at - self.now()).to_std().unwrap_or_default();
        next.map_or(longest, until).clamp(quick, longest)
    }

    /// Returns whether notifications of other processes arrive.
    pub fn is_listening(&self) -> bool {
        self.notify_hub.is_listening()
    }

    /// Notifies all processes, this one included. A statement of its own, because Postgres serializes
    /// the commits of transactions that notify. A failure is ignored, because it only costs time.
    /// `Topic::Orders` is for orders that another process should claim.
    pub(crate) async fn publish(&self, topic: Topic) {
        self.notify_hub.wake(topic);
        self.send_notification(topic.as_str()).await;
    }

    async fn send_notification(&self, payload: &str) -> bool {
        let query = sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload).execute(&self.pool);
        match timeout(PROBE_TIMEOUT, query).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => tracing::debug!(%error, payload, "notification failed"),
            Err(_) => tracing::debug!(payload, "notification timed out"),
        }
        false
    }

    /// Receives notifications until cancelled, on a connection outside the pool.
    pub async fn listen(&self) {
        let (mut is_logged, mut delay) = (false, MIN_RECONNECT_DELAY);
        loop {
            match self.pool.listen(CHANNEL).await {
                Ok(mut listener) => {
                    if self.receive_notifications(&mut listener).await {
                        (is_logged, delay) = (false, MIN_RECONNECT_DELAY);
                    } else {
                        if !is_logged {
                            is_logged = true;
                            tracing::info!(
                                "database notifications do not arrive, polling instead (is there a connection pooler in between?)"
                            );
                        }
                        self.notify_hub.set_listening(false);
                        sleep(MAX_RECONNECT_DELAY).await;
                        continue;
                    }
                }
                // If the database is down, the users of the pool log it; this is for when only
                // listening fails.
                Err(error) if delay >= MAX_RECONNECT_DELAY && !is_logged => {
                    is_logged = true;
                    tracing::info!(%error, "cannot listen for database notifications, polling instead");
                }
                Err(error) => tracing::debug!(%error, "cannot listen for database notifications"),
            }
            sleep(delay).await;
            self.notify_hub.set_listening(false);
            delay = (delay * 2).min(MAX_RECONNECT_DELAY);
        }
    }

    /// Returns `true` when the connection is lost, `false` when nothing arrives on it.
    async fn receive_notifications(&self, listener: &mut PgListener) -> bool {
        loop {
            if !self.send_notification(PROBE_PAYLOAD).await {
                return true;
            }
            let mut limit = PROBE_TIMEOUT;
            // A notification of any process proves that they arrive.
            while let Ok(received) = timeout(limit, listener.try_recv()).await {
                let Ok(Some(notification)) = received else {
                    return true;
                };
                limit = PROBE_INTERVAL;
                self.notify_hub.set_listening(true);
                let topics = Topic::ALL.into_iter();
                for topic in topics.filter(|topic| topic.as_str() == notification.payload()) {
                    self.notify_hub.wake(topic);
                }
            }
            if limit == PROBE_TIMEOUT {
                return false;
            }
        }
    }

    /// Closes all connections. Publishes due events and notes first, for the other processes.
    pub async fn close(&self) {
        for topic in [Topic::Events, Topic::Notes] {
            if self.notify_hub.take_pending(topic) {
                self.publish(topic).await;
            }
        }
        self.pool.close().await;
    }
}
