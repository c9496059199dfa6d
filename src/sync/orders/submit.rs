//! One attempt at one claimed order: look up, record the intent, send, record the outcome.

use std::ops::ControlFlow::{self, Break, Continue};

use chrono::{DateTime, Utc};

use super::{
    OrderSync,
    doubt::{self, Absence, DoubtStage},
    mapping::{MappingDecision, map_order},
    redact::redact,
    triage::{self, FailedAttempt},
};
use crate::{
    clock::time_delta,
    domain::{ErrorCategory, FailureClass, OrderCode, SyncStatus},
    fulfillment::{FoundOrder, NewOrder, ProviderError, SubmitReceipt},
    ledger::{
        AttemptEnd, AttemptKind, AttemptRecord, ClaimedOrder, FailureReason, LedgerError,
        OrderDisposition, SendIntent, SkipReason,
    },
};

/// The end of an attempt: its record for the history, and the order's next state.
struct SubmitDecision {
    attempt: Option<AttemptRecord>,
    next: OrderDisposition,
}

impl From<OrderDisposition> for SubmitDecision {
    fn from(next: OrderDisposition) -> Self {
        let attempt = None;
        Self { attempt, next }
    }
}

/// A read or a lookup under way, for the history.
struct ReadAttempt {
    kind: AttemptKind,
    started_at: DateTime<Utc>,
}

impl ReadAttempt {
    const fn record(&self, end: AttemptEnd) -> AttemptRecord {
        AttemptRecord::Complete {
            kind: self.kind,
            started_at: self.started_at,
            end,
        }
    }

    const fn end(&self, end: AttemptEnd, next: OrderDisposition) -> SubmitDecision {
        let attempt = Some(self.record(end));
        SubmitDecision { attempt, next }
    }

    /// Ends the order: only an operator can retry it.
    fn fail(&self, category: ErrorCategory, message: String) -> SubmitDecision {
        let end = triage::attempt_end(FailureClass::Permanent, category, &message);
        let failure = FailureReason { category, message };
        self.end(end, OrderDisposition::Failed { failure })
    }
}

/// Ends the attempt, or continues with `T`.
type Step<T = ()> = ControlFlow<SubmitDecision, T>;

impl OrderSync {
    pub async fn lease_due_orders(
        &self,
        limit: u32,
        only: Option<&OrderCode>,
    ) -> Result<Vec<ClaimedOrder>, LedgerError> {
        self.ledger
            .claim_due_orders(limit, self.settings.lease_ttl, only)
            .await
    }

    /// Makes one attempt at a claimed order, and returns the order's status after it.
    ///
    /// # Errors
    /// When the ledger does not record the outcome: the database is unavailable, or the lease was
    /// lost. The order is due again when its lease expires, or at once if it could be released.
    pub async fn process(&self, order: &ClaimedOrder) -> Result<SyncStatus, LedgerError> {
        let attempt = async {
            match self.submit(order).await? {
                Some(decision) => self.record_outcome(order, &decision).await,
                None => Ok(current_status(order)),
            }
        };
        match attempt.await {
            // The database refuses this very row. A retry would fail forever.
            Err(error) if error.is_data_error() => {
                let failure = FailureReason {
                    category: ErrorCategory::Internal,
                    message: format!(
                        "the ledger could not record the order: {error}. Please report this"
                    ),
                };
                let next = OrderDisposition::FailedInDoubt { failure };
                self.record_outcome(order, &next.into()).await
            }
            // The next worker need not wait for the lease to expire. A recorded intent keeps the
            // order in doubt.
            Err(error) if error.is_unavailable() => {
                if let Err(error) = self.ledger.release_order(order).await {
                    tracing::debug!(order = %order.code, %error, "order's lease not released; it expires");
                }
                Err(error)
            }
            other => other,
        }
    }

    /// `None`: the process is stopping, and the order was released unsent.
    async fn submit(&self, order: &ClaimedOrder) -> Result<Option<SubmitDecision>, LedgerError> {
        let is_known_missing = match self.resolve_doubt(order).await? {
            Continue(is_known_missing) => is_known_missing,
            Break(decision) => return Ok(Some(decision)),
        };
        let (new_order, intent) = match self.prepare(order).await {
            Continue(prepared) => prepared,
            Break(decision) => {
                // The operator says that VeraCore has the cancelled order: adopt it, to cancel it
                // there.
                if order.adopt
                    && !is_known_missing
                    && matches!(decision.next, OrderDisposition::Cancelled { .. })
                    && let Break(found) = self.check_missing(order).await
                {
                    return Ok(Some(found));
                }
                return Ok(Some(decision));
            }
        };
        if !is_known_missing && let Break(decision) = self.check_missing(order).await {
            if matches!(decision.next, OrderDisposition::Acknowledged { .. }) && !order.sent_before
            {
                // Another program sent it: stock and tracking need its lines.
                self.ledger.record_order_lines(order, &intent).await?;
            }
            return Ok(Some(decision));
        }
        if self.tasks.is_stopping() {
            self.ledger.release_order(order).await?;
            return Ok(None);
        }
        let attempt = self
            .ledger
            .record_send_intent(order, &intent, self.settings.lease_ttl)
            .await?;
        let outcome = self.provider.submit_order(&new_order).await;
        let (end, next) = self.classify_send(order, &new_order, outcome).await?;
        let attempt = Some(AttemptRecord::End(attempt, end));
        Ok(Some(SubmitDecision { attempt, next }))
    }

    /// Looks up a send whose outcome is unknown. Continues with `true` if VeraCore does not have
    /// the order, and with `false` if nothing was in doubt.
    async fn resolve_doubt(&self, order: &ClaimedOrder) -> Result<Step<bool>, LedgerError> {
        let Some(sent_at) = order.sent_at else {
            return Ok(Continue(false));
        };
        let quiet = self.settings.quiet_period;
        let lookup = self.start_read(AttemptKind::Lookup);
        if let DoubtStage::Wait { until } =
            doubt::stage(sent_at, order.missing_at, lookup.started_at, quiet)
        {
            return Ok(Break(OrderDisposition::Postponed { at: until }.into()));
        }
        match self.lookup_order(order, &lookup).await {
            Break(decision) => return Ok(Break(decision)),
            Continue(Some(found)) => return Ok(Break(after_found(order, &found, &lookup))),
            Continue(None) => {}
        }
        let now = self.clock.now();
        let end = AttemptEnd::without_error("missing");
        let next = match doubt::absence(order.missing_at, now, quiet) {
            Absence::Unconfirmed { check_at } => OrderDisposition::InDoubt {
                at: check_at,
                missing_at: Some(now),
                counted: false,
                failure: None,
            },
            Absence::Confirmed if triage::is_exhausted(order, &self.settings) => {
                let message = "VeraCore does not have the order, although it was sent";
                triage::give_up(order, order.retry_count, ErrorCategory::Timeout, message)
            }
            Absence::Confirmed => {
                self.ledger
                    .record_attempt(order, &lookup.record(end))
                    .await?;
                tracing::info!(order = %order.code, "VeraCore did not receive the order; sending it again");
                return Ok(Continue(true));
            }
        };
        Ok(Break(lookup.end(end, next)))
    }

    fn failed_attempt<'a>(
        &'a self,
        order: &'a ClaimedOrder,
        now: DateTime<Utc>,
    ) -> FailedAttempt<'a> {
        let settings = &self.settings;
        FailedAttempt {
            order,
            settings,
            now,
        }
    }

    fn start_read(&self, kind: AttemptKind) -> ReadAttempt {
        let started_at = self.clock.now();
        ReadAttempt { kind, started_at }
    }

    async fn prepare(&self, claimed: &ClaimedOrder) -> Step<(Box<NewOrder>, SendIntent)> {
        let read = self.start_read(AttemptKind::Read);
        let order = match self.storefront.order(&claimed.order_id).await {
            Ok(Some(order)) => order,
            Ok(None) => {
                let message = "Vendure no longer has the order".to_owned();
                return Break(read.fail(ErrorCategory::NotFound, message));
            }
            Err(error) => {
                let now = self.clock.now();
                if let Some(next) = triage::postpone_for_open_circuit(error.circuit_open_for(), now)
                {
                    return Break(next.into());
                }
                let message = error.to_string();
                let end = triage::attempt_end(FailureClass::Transient, error.category(), &message);
                let next = self
                    .failed_attempt(claimed, now)
                    .after_read(&error, &message);
                return Break(read.end(end, next));
            }
        };
        if order.code != claimed.code {
            let message = format!(
                "Vendure's order {} now has the code {}; it was found as {}",
                order.id, order.code, claimed.code
            );
            return Break(read.fail(ErrorCategory::Conflict, message));
        }
        let rules = &self.settings.mapping_rules;
        let next = match map_order(&order, &self.settings.trigger_states, rules) {
            MappingDecision::Send { order, intent } => return Continue((order, intent)),
            MappingDecision::Cancelled => OrderDisposition::Cancelled {
                message: "cancelled in Vendure before it was sent".into(),
            },
            MappingDecision::Skip { reason, message } => {
                OrderDisposition::Skipped { reason, message }
            }
            MappingDecision::Invalid { problems } => OrderDisposition::Failed {
                failure: FailureReason {
                    category: ErrorCategory::Validation,
                    message: format!(
                        "the order cannot be sent: {}. Correct it in Vendure, then run `veracore-sync orders retry {}`",
                        problems.join("; "),
                        claimed.code
                    ),
                },
            },
        };
        Break(next.into())
    }

    /// Continues if VeraCore does not have the order yet. Without this lookup, an order found after
    /// a lost response could be another program's with the same number.
    async fn check_missing(&self, order: &ClaimedOrder) -> Step {
        let lookup = self.start_read(AttemptKind::Lookup);
        let Some(found) = self.lookup_order(order, &lookup).await? else {
            return Continue(());
        };
        if order.sent_before || order.adopt {
            return Break(after_found(order, &found, &lookup));
        }
        let message = format!(
            "VeraCore already has an order {code} ({id}status {status}) which this installation never sent. If it is this order, run `veracore-sync orders retry --adopt {code}`; if not, free the number there and run `veracore-sync orders retry {code}`",
            code = order.code,
            id = found
                .provider_order_id
                .map(|id| format!("{id}, "))
                .unwrap_or_default(),
            status = found.status,
        );
        Break(lookup.fail(ErrorCategory::Conflict, message))
    }

    async fn lookup_order(
        &self,
        order: &ClaimedOrder,
        lookup: &ReadAttempt,
    ) -> Step<Option<FoundOrder>> {
        let error = match self.provider.find_order(&order.code).await {
            Ok(found) => return Continue(found),
            Err(error) => error,
        };
        let now = self.clock.now();
        if let Some(next) = triage::postpone_for_open_circuit(error.circuit_open_for(), now) {
            return Break(next.into());
        }
        let message = error.redacted_message();
        let end = triage::attempt_end(FailureClass::Transient, error.category(), &message);
        let next = self
            .failed_attempt(order, now)
            .after_lookup(&error, &message);
        Break(lookup.end(end, next))
    }

    async fn classify_send(
        &self,
        order: &ClaimedOrder,
        sent: &NewOrder,
        outcome: Result<SubmitReceipt, ProviderError>,
    ) -> Result<(AttemptEnd, OrderDisposition), LedgerError> {
        let error = match outcome {
            Ok(receipt) => {
                self.state.reset();
                let provider_order_id = Some(receipt.provider_order_id);
                let next = OrderDisposition::Acknowledged { provider_order_id };
                return Ok((AttemptEnd::without_error("accepted"), next));
            }
            Err(error) => error,
        };
        let message = redact(&error.to_string(), sent);
        let end = triage::attempt_end(error.class(), error.category(), &message);
        if !matches!(error, ProviderError::DuplicateOrder { .. }) {
            let now = self.clock.now();
            // A refusal is a response, too: VeraCore works.
            let is_widespread = if error.class() == FailureClass::Permanent {
                self.state.reset();
                false
            } else {
                self.state.record_failure(order.id)
            };
            let failed = self.failed_attempt(order, now);
            let next = failed.after_send(&error, &message, is_widespread);
            return Ok((end, next));
        }
        // VeraCore did not have it a moment ago: a proxy repeated our own request.
        let lookup = self.start_read(AttemptKind::Lookup);
        let next = match self.provider.find_order(&order.code).await {
            Ok(Some(found)) => {
                let decision = after_found(order, &found, &lookup);
                if let Some(lookup) = &decision.attempt {
                    self.ledger.record_attempt(order, lookup).await?;
                }
                decision.next
            }
            _ => OrderDisposition::InDoubt {
                at: self.clock.now() + time_delta(self.settings.quiet_period),
                missing_at: None,
                counted: true,
                failure: Some(FailureReason {
                    category: ErrorCategory::Conflict,
                    message,
                }),
            },
        };
        Ok((end, next))
    }

    async fn record_outcome(
        &self,
        order: &ClaimedOrder,
        decision: &SubmitDecision,
    ) -> Result<SyncStatus, LedgerError> {
        self.ledger
            .finish_order(order, decision.attempt.as_ref(), &decision.next)
            .await?;
        Ok(log_outcome(order, &decision.next))
    }
}

/// VeraCore has our order.
fn after_found(order: &ClaimedOrder, found: &FoundOrder, lookup: &ReadAttempt) -> SubmitDecision {
    if found.is_cancelled() {
        let message = format!(
            "VeraCore has the order {}, but cancelled (status {}). To ship it, have it reactivated there; otherwise, run `veracore-sync orders skip {}`",
            order.code, found.status, order.code
        );
        return lookup.fail(ErrorCategory::Conflict, message);
    }
    tracing::info!(order = %order.code, status = found.status, "VeraCore has the order that this installation sent or adopted");
    let end = AttemptEnd {
        message: Some(format!("VeraCore has the order, status {}", found.status)),
        ..AttemptEnd::without_error("found")
    };
    let next = OrderDisposition::Acknowledged {
        provider_order_id: found.provider_order_id.clone(),
    };
    lookup.end(end, next)
}

const fn current_status(order: &ClaimedOrder) -> SyncStatus {
    if order.sent_at.is_some() {
        SyncStatus::InDoubt
    } else {
        SyncStatus::Pending
    }
}

/// Logs the outcome in one line, and returns the new status.
fn log_outcome(order: &ClaimedOrder, next: &OrderDisposition) -> SyncStatus {
    let code = &order.code;
    match next {
        OrderDisposition::Acknowledged { provider_order_id } => {
            let id = provider_order_id.as_ref().map(tracing::field::display);
            tracing::info!(order = %code, veracore_order = id, "VeraCore has the order");
            SyncStatus::Success
        }
        OrderDisposition::InDoubt { at, failure, .. } => {
            let problem = failure.as_ref().map(|failure| failure.message.as_str());
            tracing::warn!(order = %code, again = %at, problem, "VeraCore: order in doubt");
            SyncStatus::InDoubt
        }
        OrderDisposition::StillInDoubt { at, failure, .. } => {
            tracing::warn!(order = %code, again = %at, category = %failure.category, problem = failure.message, "VeraCore: order still in doubt");
            SyncStatus::InDoubt
        }
        OrderDisposition::Retry { at, failure, .. } => {
            tracing::warn!(order = %code, again = %at, category = %failure.category, problem = failure.message, "VeraCore: order not sent; retrying");
            SyncStatus::Retrying
        }
        OrderDisposition::Postponed { .. } => current_status(order),
        OrderDisposition::Failed { failure } | OrderDisposition::FailedInDoubt { failure } => {
            tracing::error!(order = %code, category = %failure.category, problem = failure.message, "VeraCore: order needs attention");
            SyncStatus::Error
        }
        OrderDisposition::Skipped { reason, message } => {
            if *reason == SkipReason::LeftTriggerState {
                tracing::info!(order = %code, why = message, "VeraCore: order left its trigger state; not sent");
            } else {
                tracing::info!(order = %code, why = message, "VeraCore: order skipped");
            }
            SyncStatus::Skipped
        }
        OrderDisposition::Cancelled { message } => {
            tracing::info!(order = %code, why = message, "VeraCore: order cancelled; not sent");
            SyncStatus::Cancelled
        }
    }
}
