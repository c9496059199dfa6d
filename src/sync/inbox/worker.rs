//! Processes stored webhooks under leases, in two queues, so that a long inventory run delays no
//! tracking number.

use std::{convert::Infallible, time::Duration};

use chrono::TimeDelta;
use tokio::{task::JoinSet, time::sleep};

use super::Inbox;
use crate::{
    clock::{SharedClock, time_delta},
    domain::{NoticeKind, text::one_line},
    http::Backoff,
    ledger::{ClaimedWebhook, Ledger, LedgerError, Topic, WebhookOutcome},
    sync::{
        inventory::InventorySync, orders::OrderSync, tracking::TrackingSync, upstreams::Upstreams,
    },
    telemetry::LogOnce,
};

/// Renewed during the work; expires if the process dies.
const LEASE_TTL: Duration = Duration::from_secs(60);

/// The longest sleep while the ledger cannot notify of webhooks.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Between failed attempts.
const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(5),
    max: Duration::from_secs(600),
};

/// With these delays, the last attempt is about an hour after the first.
const MAX_ATTEMPTS: u32 = 15;

/// Until the next attempt for what another worker holds.
const BUSY_RETRY_DELAY: TimeDelta = TimeDelta::seconds(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxQueue {
    Orders,
    Stock,
}

impl InboxQueue {
    pub const ALL: [Self; 2] = [Self::Orders, Self::Stock];

    const fn kinds(self) -> &'static [NoticeKind] {
        match self {
            Self::Orders => &[NoticeKind::Order, NoticeKind::Tracking],
            Self::Stock => &[NoticeKind::Inventory],
        }
    }

    /// Webhooks claimed at once: one run serves many.
    const fn batch_size(self) -> u32 {
        match self {
            Self::Orders => 100,
            Self::Stock => 500,
        }
    }

    pub const fn task_name(self) -> &'static str {
        match self {
            Self::Orders => "work_on_order_webhooks",
            Self::Stock => "work_on_stock_webhooks",
        }
    }
}

/// Processes webhooks. Cheap to clone.
#[derive(Clone)]
pub struct InboxWorker {
    pub inbox: Inbox,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub upstreams: Upstreams,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoticeDecision {
    Finish(WebhookOutcome, Option<String>),
    /// Retry with a growing delay; finish as `when_exhausted` after [`MAX_ATTEMPTS`].
    Retry {
        why: String,
        when_exhausted: WebhookOutcome,
    },
    /// Not attempted: another worker is busy with it, or it is too early.
    Postpone {
        after: TimeDelta,
        why: String,
    },
}

impl NoticeDecision {
    pub(super) fn done(message: impl Into<Option<String>>) -> Self {
        Self::Finish(WebhookOutcome::Done, message.into())
    }

    /// Retry with a growing delay; finally failed.
    pub(super) const fn retry(why: String) -> Self {
        let when_exhausted = WebhookOutcome::Failed;
        Self::Retry {
            why,
            when_exhausted,
        }
    }

    pub(super) fn busy(why: &str) -> Self {
        Self::Postpone {
            after: BUSY_RETRY_DELAY,
            why: why.into(),
        }
    }

    pub(super) fn stopped() -> Self {
        Self::Postpone {
            after: TimeDelta::zero(),
            why: "stopping".into(),
        }
    }
}

impl InboxWorker {
    /// Processes a queue until the process stops.
    pub async fn run(self, queue: InboxQueue) {
        let mut log = LogOnce::new("VeraCore's webhooks cannot be processed");
        let tasks = &self.orders.tasks;
        while !tasks.is_stopping() {
            if !self.upstreams.are_available() {
                self.upstreams.wait_until_available(tasks).await;
                continue;
            }
            // In a task of its own: a panic over one webhook stops no other.
            let mut round = JoinSet::new();
            let worker = self.clone();
            round.spawn(async move { worker.process_due(queue).await });
            match round.join_next().await {
                None | Some(Ok(Ok(0))) => log.log_recovery(),
                Some(Ok(Ok(_))) => {
                    log.log_recovery();
                    continue;
                }
                Some(Ok(Err(error))) => log.log_failure(&error),
                // The claimed webhooks are due again when their lease expires, and finally given up.
                Some(Err(error)) => {
                    tracing::error!(%error, "VeraCore webhook processing panicked; this is a defect, please report it");
                }
            }
            let next = self.ledger().next_webhook_due_at(queue.kinds()).await;
            let delay = next.map_or(POLL_INTERVAL, |next| {
                self.ledger().poll_delay(next, POLL_INTERVAL)
            });
            let topic = Topic::Webhook(queue.kinds()[0]);
            tasks.wait_for(self.ledger().wait_for(topic, delay)).await;
        }
    }

    /// Claims and processes due webhooks of a queue, and returns how many.
    pub async fn process_due(&self, queue: InboxQueue) -> Result<usize, LedgerError> {
        if self.orders.tasks.is_stopping() {
            return Ok(0);
        }
        let claimed = self
            .ledger()
            .claim_webhooks(queue.kinds(), queue.batch_size(), LEASE_TTL)
            .await?;
        let count = claimed.len();
        let mut due = Vec::new();
        for webhook in claimed {
            // Each earlier attempt ended with the process, or in a panic.
            if webhook.attempts > MAX_ATTEMPTS {
                let why = "no attempt was ever completed";
                tracing::error!(webhook = webhook.id, why, "VeraCore webhook given up");
                self.ledger()
                    .finish_webhook(&webhook, WebhookOutcome::Failed, Some(why))
                    .await?;
            } else {
                due.push(webhook);
            }
        }
        if !due.is_empty() {
            let work = async {
                match queue {
                    InboxQueue::Orders => self.process_order_notices(&due).await,
                    InboxQueue::Stock => self.process_stock_notices(&due).await,
                }
            };
            tokio::select! {
                done = work => done?,
                never = self.keep_alive(&due) => match never {},
            }
        }
        Ok(count)
    }

    /// Renews the leases forever. If one expires, another replica repeats the work, which is harmless.
    async fn keep_alive(&self, claimed: &[ClaimedWebhook]) -> Infallible {
        loop {
            sleep(LEASE_TTL / 4).await;
            if let Err(error) = self.ledger().renew_webhook_leases(claimed, LEASE_TTL).await {
                tracing::debug!(%error, "webhook leases not renewed");
            }
        }
    }

    pub(super) async fn record_decision(
        &self,
        webhook: &ClaimedWebhook,
        decision: NoticeDecision,
    ) -> Result<(), LedgerError> {
        let kind = webhook.notice.kind().as_str();
        match decision {
            NoticeDecision::Finish(end, message) => {
                let message = message.map(|text| one_line(&text, 300));
                tracing::debug!(
                    webhook = webhook.id,
                    kind,
                    end = end.into_str(),
                    message,
                    "VeraCore webhook processed"
                );
                self.ledger()
                    .finish_webhook(webhook, end, message.as_deref())
                    .await?;
            }
            NoticeDecision::Postpone { after, why } => {
                self.postpone(webhook, after, false, &why).await?;
            }
            // Not this webhook's fault: an upstream is unavailable.
            NoticeDecision::Retry { why, .. } if !self.upstreams.are_available() => {
                self.postpone(webhook, TimeDelta::zero(), false, &why)
                    .await?;
            }
            NoticeDecision::Retry {
                why,
                when_exhausted,
            } if webhook.attempts >= MAX_ATTEMPTS => {
                let why = one_line(&why, 300);
                let order = webhook.notice.order_code().map(ToString::to_string);
                tracing::warn!(
                    webhook = webhook.id,
                    kind,
                    order,
                    end = when_exhausted.into_str(),
                    why,
                    "VeraCore webhook given up; the scheduled runs continue"
                );
                self.ledger()
                    .finish_webhook(webhook, when_exhausted, Some(&why))
                    .await?;
            }
            NoticeDecision::Retry { why, .. } => {
                let delay = BACKOFF.delay(webhook.attempts, &webhook.id.to_string());
                self.postpone(webhook, time_delta(delay), true, &why)
                    .await?;
            }
        }
        Ok(())
    }

    async fn postpone(
        &self,
        webhook: &ClaimedWebhook,
        after: TimeDelta,
        counts: bool,
        why: &str,
    ) -> Result<(), LedgerError> {
        let at = self.clock().now() + after;
        let why = one_line(why, 300);
        self.ledger()
            .postpone_webhook(webhook, at, counts, &why)
            .await
    }

    pub(super) const fn ledger(&self) -> &Ledger {
        &self.inbox.ledger
    }

    pub(super) const fn clock(&self) -> &SharedClock {
        &self.inbox.clock
    }
}
