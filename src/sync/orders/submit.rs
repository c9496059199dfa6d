//! Working on one claimed order: ask, write down, send, write down.

use chrono::{DateTime, Utc};

use super::{
    OrderSync,
    doubt::{self, Absence, DoubtStage},
    mapping::{MappingDecision, map_order},
    redact::redact,
    triage,
};
use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode, SyncStatus},
    fulfillment::{FoundOrder, NewOrder, ProviderError, SubmitReceipt},
    ledger::{
        AttemptEnd, AttemptKind, AttemptRecord, ClaimedOrder, FailureReason, LedgerError,
        OrderDisposition, SendIntent, SkipReason,
    },
};

/// What VeraCore said when it was asked for an order.
enum LookupOutcome {
    Found(FoundOrder),
    Missing,
    /// Nothing clear; what follows from that is settled already.
    Inconclusive {
        trace: Option<AttemptRecord>,
        next: OrderDisposition,
    },
}

/// What is known before the order is sent.
enum Preparation {
    Send {
        order: Box<NewOrder>,
        intent: SendIntent,
    },
    /// It ends here, without a send.
    Settled {
        trace: Option<AttemptRecord>,
        next: OrderDisposition,
    },
}

impl OrderSync {
    /// Takes up to `limit` due orders.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lease_due_orders(
        &self,
        limit: u32,
        only: Option<&OrderCode>,
    ) -> Result<Vec<ClaimedOrder>, LedgerError> {
        self.ledger
            .claim_due_orders(limit, self.settings.lease_ttl, only)
            .await
    }

    /// Works on one claimed order to the end of this try, and returns where it stands then.
    ///
    /// # Errors
    /// When the ledger does not take the outcome: the database is away, or the lease was lost.
    /// The order is then worked on again when its lease runs out, as if this process had died, or
    /// sooner if it could be given back.
    pub async fn process(&self, order: &ClaimedOrder) -> Result<SyncStatus, LedgerError> {
        match self.attempt(order).await {
            // The database is there and refuses this very row: that does not pass by itself, and
            // must not come back for ever.
            Err(error) if error.is_data_error() => {
                let message =
                    format!("the ledger could not record it: {error}. Please report this");
                let note = FailureReason {
                    category: ErrorCategory::Internal,
                    message,
                };
                self.record_outcome(
                    order,
                    None,
                    OrderDisposition::FailedInDoubt { failure: note },
                )
                .await
            }
            // Whoever comes next need not wait for the lease to run out. An intent that was written
            // stays a doubt.
            Err(error) if error.is_unavailable() => {
                if let Err(error) = self.ledger.release_order(order).await {
                    tracing::debug!(order = %order.code, %error, "the order's lease runs out by itself");
                }
                Err(error)
            }
            other => other,
        }
    }

    async fn attempt(&self, order: &ClaimedOrder) -> Result<SyncStatus, LedgerError> {
        let asked_already = match self.resolve_doubt(order).await? {
            DoubtOutcome::None => false,
            DoubtOutcome::Cleared => true,
            DoubtOutcome::Settled { trace, next } => {
                return self.record_outcome(order, trace.as_ref(), next).await;
            }
        };
        let (new_order, intent) = match self.prepare(order).await {
            Preparation::Send { order, intent } => (order, intent),
            Preparation::Settled { trace, next } => {
                // A person says that VeraCore has it: then it is to be stopped there.
                if order.adopt
                    && !asked_already
                    && matches!(next, OrderDisposition::Cancelled { .. })
                    && let Some((trace, next)) = self.lookup_before_send(order).await?
                {
                    return self.record_outcome(order, trace.as_ref(), next).await;
                }
                return self.record_outcome(order, trace.as_ref(), next).await;
            }
        };
        if !asked_already && let Some((trace, next)) = self.lookup_before_send(order).await? {
            if matches!(next, OrderDisposition::Acknowledged { .. }) && !order.sent_before {
                // Somebody else sent it; what stock and tracking must know of it is written here.
                self.ledger.record_order_lines(order, &intent).await?;
            }
            return self.record_outcome(order, trace.as_ref(), next).await;
        }
        if self.tasks.is_stopping() {
            // Nothing was begun that would have to be finished.
            self.ledger.release_order(order).await?;
            return Ok(current_status(order));
        }
        let attempt = self
            .ledger
            .record_send_intent(order, &intent, self.settings.lease_ttl)
            .await?;
        let outcome = self.provider.submit_order(&new_order).await;
        let (end, next) = self.classify_send(order, &new_order, outcome).await?;
        self.record_outcome(order, Some(&AttemptRecord::End(attempt, end)), next)
            .await
    }

    /// Deals with a send whose outcome is unknown, from this process or from one that died.
    async fn resolve_doubt(&self, order: &ClaimedOrder) -> Result<DoubtOutcome, LedgerError> {
        let Some(sent_at) = order.sent_at else {
            return Ok(DoubtOutcome::None);
        };
        let quiet = self.settings.quiet_period;
        if let DoubtStage::Wait { until } =
            doubt::stage(sent_at, order.missing_at, self.clock.now(), quiet)
        {
            return Ok(DoubtOutcome::Settled {
                trace: None,
                next: OrderDisposition::Postponed { at: until },
            });
        }
        let started_at = self.clock.now();
        match self.lookup_order(order, started_at).await {
            LookupOutcome::Found(found) => {
                let (trace, next) = after_found(order, &found, started_at);
                Ok(DoubtOutcome::Settled {
                    trace: Some(trace),
                    next,
                })
            }
            LookupOutcome::Inconclusive { trace, next } => {
                Ok(DoubtOutcome::Settled { trace, next })
            }
            LookupOutcome::Missing => {
                let now = self.clock.now();
                let trace = completed_attempt(
                    AttemptKind::Lookup,
                    started_at,
                    AttemptEnd::without_error("missing"),
                );
                match doubt::absence(order.missing_at, now, quiet) {
                    Absence::Unconfirmed { check_at: again } => {
                        let next = OrderDisposition::InDoubt {
                            at: again,
                            missing_at: Some(now),
                            counted: false,
                            failure: None,
                        };
                        Ok(DoubtOutcome::Settled {
                            trace: Some(trace),
                            next,
                        })
                    }
                    Absence::Confirmed if triage::is_exhausted(order, &self.settings) => {
                        let message = "VeraCore does not have it, though it was sent";
                        let next = triage::give_up(
                            order,
                            order.retry_count,
                            ErrorCategory::Timeout,
                            message,
                        );
                        Ok(DoubtOutcome::Settled {
                            trace: Some(trace),
                            next,
                        })
                    }
                    Absence::Confirmed => {
                        self.ledger.record_attempt(order, &trace).await?;
                        tracing::info!(order = %order.code, "VeraCore does not have the order whose answer was lost; it is sent again");
                        Ok(DoubtOutcome::Cleared)
                    }
                }
            }
        }
    }

    /// Reads the order from the shop and decides about it.
    async fn prepare(&self, claimed: &ClaimedOrder) -> Preparation {
        let started_at = self.clock.now();
        let order = match self.storefront.order(&claimed.order_id).await {
            Ok(Some(order)) => order,
            Ok(None) => {
                let message = "Vendure does not have the order any more".to_owned();
                let category = ErrorCategory::NotFound;
                let end = triage::attempt_end(FailureClass::Permanent, category, &message);
                return Preparation::Settled {
                    trace: Some(completed_attempt(AttemptKind::Read, started_at, end)),
                    next: OrderDisposition::Failed {
                        failure: FailureReason { category, message },
                    },
                };
            }
            Err(error) => {
                let now = self.clock.now();
                if let Some(next) = triage::postpone_parked(error.circuit_open_for(), now) {
                    return Preparation::Settled { trace: None, next };
                }
                let message = error.to_string();
                let end = triage::attempt_end(FailureClass::Transient, error.category(), &message);
                return Preparation::Settled {
                    trace: Some(completed_attempt(AttemptKind::Read, started_at, end)),
                    next: triage::after_read(&error, &message, claimed, &self.settings, now),
                };
            }
        };
        if order.code != claimed.code {
            let message = format!(
                "Vendure's order {} has the code {} now; it was found as {}",
                order.id, order.code, claimed.code
            );
            let category = ErrorCategory::Conflict;
            let end = triage::attempt_end(FailureClass::Permanent, category, &message);
            return Preparation::Settled {
                trace: Some(completed_attempt(AttemptKind::Read, started_at, end)),
                next: OrderDisposition::Failed {
                    failure: FailureReason { category, message },
                },
            };
        }
        let next = match map_order(
            &order,
            &self.settings.trigger_states,
            &self.settings.mapping_rules,
        ) {
            MappingDecision::Send { order, intent } => return Preparation::Send { order, intent },
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
                        "it cannot be sent as it is: {}. Correct it in Vendure, then run `veracore-sync orders retry {}`",
                        problems.join("; "),
                        claimed.code
                    ),
                },
            },
        };
        Preparation::Settled { trace: None, next }
    }

    /// Asks whether VeraCore has the order before it is sent. Afterwards nobody could tell an order
    /// of ours from another with the same number: when there was none before, it is ours.
    async fn lookup_before_send(
        &self,
        order: &ClaimedOrder,
    ) -> Result<Option<(Option<AttemptRecord>, OrderDisposition)>, LedgerError> {
        let started_at = self.clock.now();
        Ok(match self.lookup_order(order, started_at).await {
            LookupOutcome::Missing => None,
            LookupOutcome::Inconclusive { trace, next } => Some((trace, next)),
            LookupOutcome::Found(found) if order.sent_before || order.adopt => {
                let (trace, next) = after_found(order, &found, started_at);
                Some((Some(trace), next))
            }
            LookupOutcome::Found(found) => {
                let message = format!(
                    "VeraCore has an order {code} already ({id}status {status}) which this installation never sent. If it is this very order, run `veracore-sync orders retry --adopt {code}`; if not, free the number there and run `veracore-sync orders retry {code}`",
                    code = order.code,
                    id = found
                        .provider_order_id
                        .map(|id| format!("{id}, "))
                        .unwrap_or_default(),
                    status = found.status,
                );
                let category = ErrorCategory::Conflict;
                let end = triage::attempt_end(FailureClass::Permanent, category, &message);
                let next = OrderDisposition::Failed {
                    failure: FailureReason { category, message },
                };
                Some((
                    Some(completed_attempt(AttemptKind::Lookup, started_at, end)),
                    next,
                ))
            }
        })
    }

    async fn lookup_order(&self, order: &ClaimedOrder, started_at: DateTime<Utc>) -> LookupOutcome {
        match self.provider.find_order(&order.code).await {
            Ok(Some(found)) => LookupOutcome::Found(found),
            Ok(None) => LookupOutcome::Missing,
            Err(error) => {
                let now = self.clock.now();
                if let Some(next) = triage::postpone_parked(error.parked_for(), now) {
                    return LookupOutcome::Inconclusive { trace: None, next };
                }
                let message = error.redacted_message();
                let end = triage::attempt_end(FailureClass::Transient, error.category(), &message);
                LookupOutcome::Inconclusive {
                    trace: Some(completed_attempt(AttemptKind::Lookup, started_at, end)),
                    next: triage::after_lookup(&error, &message, order, &self.settings, now),
                }
            }
        }
    }

    /// What a send's outcome means.
    async fn classify_send(
        &self,
        order: &ClaimedOrder,
        sent: &NewOrder,
        outcome: Result<SubmitReceipt, ProviderError>,
    ) -> Result<(AttemptEnd, OrderDisposition), LedgerError> {
        let error = match outcome {
            Ok(receipt) => {
                self.failure_streak.reset();
                let id = Some(receipt.provider_order_id);
                return Ok((
                    AttemptEnd::without_error("accepted"),
                    OrderDisposition::Acknowledged {
                        provider_order_id: id,
                    },
                ));
            }
            Err(error) => error,
        };
        let message = redact(&error.to_string(), sent);
        let end = triage::attempt_end(error.class(), error.category(), &message);
        if !matches!(error, ProviderError::DuplicateOrder { .. }) {
            let now = self.clock.now();
            // A refusal is an answer, too: VeraCore works.
            let widespread = if error.class() == FailureClass::Permanent {
                self.failure_streak.reset();
                false
            } else {
                self.failure_streak.record_failure(order.id)
            };
            let settings = &self.settings;
            let next = triage::after_send(&error, &message, order, settings, now, widespread);
            return Ok((end, next));
        }
        // It was not there a moment ago: a machine on the way repeated our own request.
        let started_at = self.clock.now();
        let next = match self.provider.find_order(&order.code).await {
            Ok(Some(found)) => {
                let (trace, next) = after_found(order, &found, started_at);
                self.ledger.record_attempt(order, &trace).await?;
                next
            }
            _ => OrderDisposition::InDoubt {
                at: self.clock.now()
                    + chrono::TimeDelta::from_std(self.settings.quiet_period).unwrap_or_default(),
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
        trace: Option<&AttemptRecord>,
        next: OrderDisposition,
    ) -> Result<SyncStatus, LedgerError> {
        self.ledger.finish_order(order, trace, &next).await?;
        Ok(log_outcome(order, &next))
    }
}

/// What came of looking into a doubt.
enum DoubtOutcome {
    None,
    /// VeraCore was just asked for the last time and does not have it.
    Cleared,
    Settled {
        trace: Option<AttemptRecord>,
        next: OrderDisposition,
    },
}

const fn completed_attempt(
    kind: AttemptKind,
    started_at: DateTime<Utc>,
    end: AttemptEnd,
) -> AttemptRecord {
    AttemptRecord::Complete {
        kind,
        started_at,
        end,
    }
}

/// What follows from VeraCore having our order.
fn after_found(
    order: &ClaimedOrder,
    found: &FoundOrder,
    started_at: DateTime<Utc>,
) -> (AttemptRecord, OrderDisposition) {
    if found.is_cancelled() {
        let message = format!(
            "VeraCore has the order {}, but cancelled (status {}). If it is to be shipped, have it revived there; if not, run `veracore-sync orders skip {}`",
            order.code, found.status, order.code
        );
        let category = ErrorCategory::Conflict;
        let end = triage::attempt_end(FailureClass::Permanent, category, &message);
        let next = OrderDisposition::Failed {
            failure: FailureReason { category, message },
        };
        return (
            completed_attempt(AttemptKind::Lookup, started_at, end),
            next,
        );
    }
    tracing::info!(order = %order.code, status = found.status, "VeraCore has the order already; it is ours");
    let end = AttemptEnd {
        message: Some(format!("VeraCore has it, status {}", found.status)),
        ..AttemptEnd::without_error("found")
    };
    let next = OrderDisposition::Acknowledged {
        provider_order_id: found.provider_order_id.clone(),
    };
    (
        completed_attempt(AttemptKind::Lookup, started_at, end),
        next,
    )
}

/// Where an order stands that was not worked on after all.
const fn current_status(order: &ClaimedOrder) -> SyncStatus {
    if order.sent_at.is_some() {
        SyncStatus::InDoubt
    } else {
        SyncStatus::Pending
    }
}

/// One line for what became of an order.
fn log_outcome(order: &ClaimedOrder, next: &OrderDisposition) -> SyncStatus {
    let code = &order.code;
    match next {
        OrderDisposition::Acknowledged { provider_order_id } => {
            let id = provider_order_id.as_ref().map(tracing::field::display);
            tracing::info!(order = %code, veracore_order = id, "VeraCore has the order");
            SyncStatus::Success
        }
        OrderDisposition::InDoubt {
            at, failure: note, ..
        } => {
            let message = note.as_ref().map(|note| note.message.as_str());
            tracing::warn!(order = %code, again = %at, problem = message, "VeraCore: the order is in doubt");
            SyncStatus::InDoubt
        }
        OrderDisposition::StillInDoubt {
            at, failure: note, ..
        } => {
            tracing::warn!(order = %code, again = %at, category = %note.category, problem = note.message, "VeraCore: the order is still in doubt");
            SyncStatus::InDoubt
        }
        OrderDisposition::Retry {
            at, failure: note, ..
        } => {
            tracing::warn!(order = %code, again = %at, category = %note.category, problem = note.message, "VeraCore: the order was not sent, and is tried again");
            SyncStatus::Retrying
        }
        OrderDisposition::Postponed { .. } => current_status(order),
        OrderDisposition::Failed { failure: note }
        | OrderDisposition::FailedInDoubt { failure: note } => {
            tracing::error!(order = %code, category = %note.category, problem = note.message, "VeraCore: the order needs a person");
            SyncStatus::Error
        }
        OrderDisposition::Skipped { reason, message } => {
            if *reason == SkipReason::LeftTriggerState {
                tracing::info!(order = %code, why = message, "VeraCore: the order is not sent for now");
            } else {
                tracing::info!(order = %code, why = message, "VeraCore: the order is not for it");
            }
            SyncStatus::Skipped
        }
        OrderDisposition::Cancelled { message } => {
            tracing::info!(order = %code, why = message, "VeraCore: the order is not sent");
            SyncStatus::Cancelled
        }
    }
}
