//! Working on what came in, under leases, until the stop: at two desks, so that a long pass over the
//! stock keeps no tracking number waiting. Must not decide what follows from a webhook.

use std::{convert::Infallible, future::Future, time::Duration};

use chrono::TimeDelta;
use tokio::{task::JoinSet, time::sleep};

use super::Inbox;
use crate::{
    clock::SharedClock,
    domain::{NoticeKind, text::one_line},
    http::Backoff,
    ledger::{ClaimedWebhook, Ledger, LedgerError, Topic, WebhookOutcome},
    lifecycle::TaskGroup,
    sync::{
        inventory::InventorySync, orders::OrderSync, tracking::TrackingSync, upstreams::Upstreams,
    },
    telemetry::LogOnce,
};

/// How long a webhook stays claimed by somebody who died. It is lengthened during the work.
const LEASE_TTL: Duration = Duration::from_secs(60);

/// Between two looks, should nothing come in here: another replica may have left something.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// After a try that came to nothing.
const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(5),
    max: Duration::from_secs(600),
};

/// Tries that came to nothing; with these pauses, the last is about an hour after the first.
const MAX_ATTEMPTS: u32 = 15;

/// After which what somebody else holds is tried again.
pub(super) const BUSY_RETRY_DELAY: TimeDelta = TimeDelta::seconds(2);

/// Who works on which webhooks.
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

    /// How many are claimed at once: many at one desk are dealt with by one pass.
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

/// Works on webhooks. Cheap to clone.
#[derive(Clone)]
pub struct InboxWorker {
    pub inbox: Inbox,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub upstreams: Upstreams,
    /// Nothing is claimed once these are told to stop.
    pub tasks: TaskGroup,
}

/// What follows for a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoticeDecision {
    Finish(WebhookOutcome, Option<String>),
    /// Tried again after a growing pause, and ended as `at_last` when that was in vain too often.
    Retry {
        why: String,
        when_exhausted: WebhookOutcome,
    },
    /// It was no try: somebody else is at it, or it is too early.
    Postpone {
        after: TimeDelta,
        why: String,
    },
}

impl NoticeDecision {
    pub(super) fn done(message: impl Into<Option<String>>) -> Self {
        Self::Finish(WebhookOutcome::Done, message.into())
    }

    pub(super) fn stopped() -> Self {
        Self::Postpone {
            after: TimeDelta::zero(),
            why: "told to stop".into(),
        }
    }
}

impl InboxWorker {
    /// Works at a desk until the stop.
    pub async fn run(self, desk: InboxQueue) {
        let mut outage = LogOnce::new("VeraCore's webhooks cannot be worked on");
        while !self.tasks.is_stopping() {
            if !self.upstreams.are_available() {
                self.upstreams.wait_until_available(&self.tasks).await;
                continue;
            }
            // In a task of its own: one that panics over a webhook stops no other.
            let mut round = JoinSet::new();
            let worker = self.clone();
            round.spawn(async move { worker.process_due(desk).await });
            match round.join_next().await {
                None | Some(Ok(Ok(0))) => outage.log_recovery(),
                Some(Ok(Ok(_))) => {
                    outage.log_recovery();
                    continue;
                }
                Some(Ok(Err(error))) => outage.log_failure(&error),
                // What was claimed comes back when its lease has run out, and is given up in the end.
                Some(Err(error)) => {
                    tracing::error!(%error, "VeraCore: work on webhooks panicked; this is a defect, please report it");
                }
            }
            let nap = match self.ledger().next_webhook_due_at(desk.kinds()).await {
                Ok(next) => self.ledger().poll_delay(next, POLL_INTERVAL),
                Err(_) => POLL_INTERVAL,
            };
            tokio::select! {
                () = self.tasks.wait_for_stop() => {}
                () = self.ledger().wait_for(Topic::Webhook(desk.kinds()[0]), nap) => {}
            }
        }
    }

    /// Claims what is due at a desk and works on it. Returns how many that were.
    ///
    /// # Errors
    /// When the database does not answer. What was claimed is claimed again when its lease has run
    /// out.
    pub async fn process_due(&self, desk: InboxQueue) -> Result<usize, LedgerError> {
        if self.tasks.is_stopping() {
            return Ok(0);
        }
        let claimed = self
            .ledger()
            .claim_webhooks(desk.kinds(), desk.batch_size(), LEASE_TTL)
            .await?;
        let count = claimed.len();
        let mut due = Vec::new();
        for news in claimed {
            // Whoever had it so often died over it each time.
            if news.attempts > MAX_ATTEMPTS {
                let why = "it was tried again and again, and never came to its end";
                tracing::error!(webhook = news.id, why, "VeraCore: a webhook is given up");
                self.ledger()
                    .finish_webhook(&news, WebhookOutcome::Failed, Some(why))
                    .await?;
            } else {
                due.push(news);
            }
        }
        if !due.is_empty() {
            self.keep_alive(&due, async {
                match desk {
                    InboxQueue::Orders => self.process_order_notices(&due).await,
                    InboxQueue::Stock => self.process_stock_notices(&due).await,
                }
            })
            .await?;
        }
        Ok(count)
    }

    async fn keep_alive<T>(&self, claimed: &[ClaimedWebhook], work: impl Future<Output = T>) -> T {
        let keep = async {
            loop {
                sleep(LEASE_TTL / 4).await;
                // Should it run out, somebody else does the same again, and that does no harm.
                if let Err(error) = self.ledger().renew_webhook_leases(claimed, LEASE_TTL).await {
                    tracing::debug!(%error, "webhooks that are worked on could not be kept");
                }
            }
        };
        let never: Infallible = tokio::select! {
            done = work => return done,
            never = keep => never,
        };
        match never {}
    }

    /// Records what follows for a webhook.
    pub(super) async fn record_decision(
        &self,
        news: &ClaimedWebhook,
        outcome: NoticeDecision,
    ) -> Result<(), LedgerError> {
        match outcome {
            NoticeDecision::Finish(end, message) => {
                let message = message.map(|text| one_line(&text, 300));
                let kind = news.notice.kind().as_str();
                tracing::debug!(
                    webhook = news.id,
                    kind,
                    end = end.as_str(),
                    message,
                    "VeraCore: a webhook is dealt with"
                );
                self.ledger()
                    .finish_webhook(news, end, message.as_deref())
                    .await?;
            }
            NoticeDecision::Postpone { after, why } => {
                self.postpone(news, after, false, &why).await?
            }
            // It has nothing to do with this webhook: an end is away, and comes back.
            NoticeDecision::Retry { why, .. } if !self.upstreams.are_available() => {
                self.postpone(news, TimeDelta::zero(), false, &why).await?;
            }
            NoticeDecision::Retry {
                why,
                when_exhausted: at_last,
            } if news.attempts >= MAX_ATTEMPTS => {
                let why = one_line(&why, 300);
                let order = news.notice.order_code().map(ToString::to_string);
                tracing::warn!(
                    webhook = news.id,
                    kind = news.notice.kind().as_str(),
                    order,
                    end = at_last.as_str(),
                    why,
                    "VeraCore: what a webhook told of could not be brought to the shop; the scheduled passes go on"
                );
                self.ledger()
                    .finish_webhook(news, at_last, Some(&why))
                    .await?;
            }
            NoticeDecision::Retry { why, .. } => {
                let pause = BACKOFF.delay(news.attempts, &news.id.to_string());
                let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(10));
                self.postpone(news, pause, true, &why).await?;
            }
        }
        Ok(())
    }

    async fn postpone(
        &self,
        news: &ClaimedWebhook,
        after: TimeDelta,
        counts: bool,
        why: &str,
    ) -> Result<(), LedgerError> {
        let at = self.clock().now() + after;
        let why = one_line(why, 300);
        self.ledger().postpone_webhook(news, at, counts, &why).await
    }

    pub(super) const fn ledger(&self) -> &Ledger {
        &self.inbox.ledger
    }

    pub(super) const fn clock(&self) -> &SharedClock {
        &self.inbox.clock
    }
}
