//! Working on one claimed order: ask, write down, send, write down.

use chrono::{DateTime, Utc};

use super::{
    OrderSync,
    doubt::{self, Missing, Stage},
    mapping::{Decision, decide},
    redact::redact,
    triage,
};
use crate::{
    domain::{Class, ErrorCategory, OrderCode, SyncStatus},
    fulfillment::{FoundOrder, NewOrder, ProviderError, Receipt},
    ledger::{
        AttemptEnd, AttemptKind, Claimed, Intent, LedgerError, Next, Note, SkipReason, Trace,
    },
};

/// What VeraCore said when it was asked for an order.
enum Asked {
    Found(FoundOrder),
    Missing,
    /// Nothing clear; what follows from that is settled already.
    Unclear {
        trace: Option<Trace>,
        next: Next,
    },
}

/// What is known before the order is sent.
enum Ready {
    Send {
        order: Box<NewOrder>,
        intent: Intent,
    },
    /// It ends here, without a send.
    Settled { trace: Option<Trace>, next: Next },
}

impl OrderSync {
    /// Takes up to `limit` due orders.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim(
        &self,
        limit: u32,
        only: Option<&OrderCode>,
    ) -> Result<Vec<Claimed>, LedgerError> {
        self.ledger
            .claim_due_orders(limit, self.settings.lease, only)
            .await
    }

    /// Works on one claimed order to the end of this try, and returns where it stands then.
    ///
    /// # Errors
    /// When the ledger does not take the outcome: the database is away, or the lease was lost.
    /// The order is then worked on again when its lease runs out, as if this process had died, or
    /// sooner if it could be given back.
    pub async fn work_on(&self, order: &Claimed) -> Result<SyncStatus, LedgerError> {
        match self.try_once(order).await {
            // The database is there and refuses this very row: that does not pass by itself, and
            // must not come back for ever.
            Err(error) if error.is_about_the_data() => {
                let message =
                    format!("the ledger could not record it: {error}. Please report this");
                let note = Note {
                    category: ErrorCategory::Internal,
                    message,
                };
                self.finish(order, None, Next::FailedInDoubt { note }).await
            }
            // Whoever comes next need not wait for the lease to run out. An intent that was written
            // stays a doubt.
            Err(error) if error.is_away() => {
                if let Err(error) = self.ledger.release(order).await {
                    tracing::debug!(order = %order.code, %error, "the order's lease runs out by itself");
                }
                Err(error)
            }
            other => other,
        }
    }

    async fn try_once(&self, order: &Claimed) -> Result<SyncStatus, LedgerError> {
        let asked_already = match self.settle_doubt(order).await? {
            Doubt::None => false,
            Doubt::Cleared => true,
            Doubt::Settled { trace, next } => {
                return self.finish(order, trace.as_ref(), next).await;
            }
        };
        let (new_order, intent) = match self.prepare(order).await {
            Ready::Send { order, intent } => (order, intent),
            Ready::Settled { trace, next } => {
                // A person says that VeraCore has it: then it is to be stopped there.
                if order.adopt
                    && !asked_already
                    && matches!(next, Next::Cancelled { .. })
                    && let Some((trace, next)) = self.ask_first(order).await?
                {
                    return self.finish(order, trace.as_ref(), next).await;
                }
                return self.finish(order, trace.as_ref(), next).await;
            }
        };
        if !asked_already && let Some((trace, next)) = self.ask_first(order).await? {
            if matches!(next, Next::Acknowledged { .. }) && !order.sent_before {
                // Somebody else sent it; what stock and tracking must know of it is written here.
                self.ledger.note_lines(order, &intent).await?;
            }
            return self.finish(order, trace.as_ref(), next).await;
        }
        if self.tasks.stopping() {
            // Nothing was begun that would have to be finished.
            self.ledger.release(order).await?;
            return Ok(standing(order));
        }
        let attempt = self
            .ledger
            .begin_send(order, &intent, self.settings.lease)
            .await?;
        let outcome = self.provider.submit_order(&new_order).await;
        let (end, next) = self.judge(order, &new_order, outcome).await?;
        self.finish(order, Some(&Trace::Ends(attempt, end)), next)
            .await
    }

    /// Deals with a send whose outcome is unknown, from this process or from one that died.
    async fn settle_doubt(&self, order: &Claimed) -> Result<Doubt, LedgerError> {
        let Some(sent_at) = order.sent_at else {
            return Ok(Doubt::None);
        };
        let quiet = self.settings.quiet;
        if let Stage::Wait { until } =
            doubt::stage(sent_at, order.missing_at, self.clock.now(), quiet)
        {
            return Ok(Doubt::Settled {
                trace: None,
                next: Next::Later { at: until },
            });
        }
        let started_at = self.clock.now();
        match self.ask(order, started_at).await {
            Asked::Found(found) => {
                let (trace, next) = adopted(order, &found, started_at);
                Ok(Doubt::Settled {
                    trace: Some(trace),
                    next,
                })
            }
            Asked::Unclear { trace, next } => Ok(Doubt::Settled { trace, next }),
            Asked::Missing => {
                let now = self.clock.now();
                let trace = whole(AttemptKind::LookUp, started_at, AttemptEnd::fine("missing"));
                match doubt::missing(order.missing_at, now, quiet) {
                    Missing::Once { again } => {
                        let next = Next::InDoubt {
                            at: again,
                            missing_at: Some(now),
                            counted: false,
                            note: None,
                        };
                        Ok(Doubt::Settled {
                            trace: Some(trace),
                            next,
                        })
                    }
                    Missing::Absent if triage::exhausted(order, &self.settings) => {
                        let message = "VeraCore does not have it, though it was sent";
                        let next = triage::given_up(
                            order,
                            order.retry_count,
                            ErrorCategory::Timeout,
                            message,
                        );
                        Ok(Doubt::Settled {
                            trace: Some(trace),
                            next,
                        })
                    }
                    Missing::Absent => {
                        self.ledger.note(order, &trace).await?;
                        tracing::info!(order = %order.code, "VeraCore does not have the order whose answer was lost; it is sent again");
                        Ok(Doubt::Cleared)
                    }
                }
            }
        }
    }

    /// Reads the order from the shop and decides about it.
    async fn prepare(&self, claimed: &Claimed) -> Ready {
        let started_at = self.clock.now();
        let order = match self.storefront.order(&claimed.order_id).await {
            Ok(Some(order)) => order,
            Ok(None) => {
                let message = "Vendure does not have the order any more".to_owned();
                let category = ErrorCategory::NotFound;
                let end = triage::end(Class::Permanent, category, &message);
                return Ready::Settled {
                    trace: Some(whole(AttemptKind::Read, started_at, end)),
                    next: Next::Failed {
                        note: Note { category, message },
                    },
                };
            }
            Err(error) => {
                let now = self.clock.now();
                if let Some(next) = triage::parked(error.parked_for(), now) {
                    return Ready::Settled { trace: None, next };
                }
                let message = error.to_string();
                let end = triage::end(Class::Transient, error.category(), &message);
                return Ready::Settled {
                    trace: Some(whole(AttemptKind::Read, started_at, end)),
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
            let end = triage::end(Class::Permanent, category, &message);
            return Ready::Settled {
                trace: Some(whole(AttemptKind::Read, started_at, end)),
                next: Next::Failed {
                    note: Note { category, message },
                },
            };
        }
        let next = match decide(&order, &self.settings.trigger_states, &self.settings.rules) {
            Decision::Send { order, intent } => return Ready::Send { order, intent },
            Decision::Cancelled => Next::Cancelled {
                message: "cancelled in Vendure before it was sent".into(),
            },
            Decision::Skip { reason, message } => Next::Skipped { reason, message },
            Decision::Invalid { problems } => Next::Failed {
                note: Note {
                    category: ErrorCategory::Validation,
                    message: format!(
                        "it cannot be sent as it is: {}. Correct it in Vendure, then run `veracore-sync orders retry {}`",
                        problems.join("; "),
                        claimed.code
                    ),
                },
            },
        };
        Ready::Settled { trace: None, next }
    }

    /// Asks whether VeraCore has the order before it is sent. Afterwards nobody could tell an order
    /// of ours from another with the same number: when there was none before, it is ours.
    async fn ask_first(
        &self,
        order: &Claimed,
    ) -> Result<Option<(Option<Trace>, Next)>, LedgerError> {
        let started_at = self.clock.now();
        Ok(match self.ask(order, started_at).await {
            Asked::Missing => None,
            Asked::Unclear { trace, next } => Some((trace, next)),
            Asked::Found(found) if order.sent_before || order.adopt => {
                let (trace, next) = adopted(order, &found, started_at);
                Some((Some(trace), next))
            }
            Asked::Found(found) => {
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
                let end = triage::end(Class::Permanent, category, &message);
                let next = Next::Failed {
                    note: Note { category, message },
                };
                Some((Some(whole(AttemptKind::LookUp, started_at, end)), next))
            }
        })
    }

    async fn ask(&self, order: &Claimed, started_at: DateTime<Utc>) -> Asked {
        match self.provider.find_order(&order.code).await {
            Ok(Some(found)) => Asked::Found(found),
            Ok(None) => Asked::Missing,
            Err(error) => {
                let now = self.clock.now();
                if let Some(next) = triage::parked(error.parked_for(), now) {
                    return Asked::Unclear { trace: None, next };
                }
                let message = error.without_its_words();
                let end = triage::end(Class::Transient, error.category(), &message);
                Asked::Unclear {
                    trace: Some(whole(AttemptKind::LookUp, started_at, end)),
                    next: triage::after_look_up(&error, &message, order, &self.settings, now),
                }
            }
        }
    }

    /// What a send's outcome means.
    async fn judge(
        &self,
        order: &Claimed,
        sent: &NewOrder,
        outcome: Result<Receipt, ProviderError>,
    ) -> Result<(AttemptEnd, Next), LedgerError> {
        let error = match outcome {
            Ok(receipt) => {
                self.failing.is_over();
                let id = Some(receipt.provider_order_id);
                return Ok((
                    AttemptEnd::fine("accepted"),
                    Next::Acknowledged {
                        provider_order_id: id,
                    },
                ));
            }
            Err(error) => error,
        };
        let message = redact(&error.to_string(), sent);
        let end = triage::end(error.class(), error.category(), &message);
        if !matches!(error, ProviderError::Duplicate { .. }) {
            let now = self.clock.now();
            // A refusal is an answer, too: VeraCore works.
            let widespread = if error.class() == Class::Permanent {
                self.failing.is_over();
                false
            } else {
                self.failing.failed(order.id)
            };
            let settings = &self.settings;
            let next = triage::after_send(&error, &message, order, settings, now, widespread);
            return Ok((end, next));
        }
        // It was not there a moment ago: a machine on the way repeated our own request.
        let started_at = self.clock.now();
        let next = match self.provider.find_order(&order.code).await {
            Ok(Some(found)) => {
                let (trace, next) = adopted(order, &found, started_at);
                self.ledger.note(order, &trace).await?;
                next
            }
            _ => Next::InDoubt {
                at: self.clock.now()
                    + chrono::TimeDelta::from_std(self.settings.quiet).unwrap_or_default(),
                missing_at: None,
                counted: true,
                note: Some(Note {
                    category: ErrorCategory::Conflict,
                    message,
                }),
            },
        };
        Ok((end, next))
    }

    async fn finish(
        &self,
        order: &Claimed,
        trace: Option<&Trace>,
        next: Next,
    ) -> Result<SyncStatus, LedgerError> {
        self.ledger.finish(order, trace, &next).await?;
        Ok(report(order, &next))
    }
}

/// What came of looking into a doubt.
enum Doubt {
    None,
    /// VeraCore was just asked for the last time and does not have it.
    Cleared,
    Settled {
        trace: Option<Trace>,
        next: Next,
    },
}

const fn whole(kind: AttemptKind, started_at: DateTime<Utc>, end: AttemptEnd) -> Trace {
    Trace::Whole {
        kind,
        started_at,
        end,
    }
}

/// What follows from VeraCore having our order.
fn adopted(order: &Claimed, found: &FoundOrder, started_at: DateTime<Utc>) -> (Trace, Next) {
    if found.is_cancelled() {
        let message = format!(
            "VeraCore has the order {}, but cancelled (status {}). If it is to be shipped, have it revived there; if not, run `veracore-sync orders skip {}`",
            order.code, found.status, order.code
        );
        let category = ErrorCategory::Conflict;
        let end = triage::end(Class::Permanent, category, &message);
        let next = Next::Failed {
            note: Note { category, message },
        };
        return (whole(AttemptKind::LookUp, started_at, end), next);
    }
    tracing::info!(order = %order.code, status = found.status, "VeraCore has the order already; it is ours");
    let end = AttemptEnd {
        message: Some(format!("VeraCore has it, status {}", found.status)),
        ..AttemptEnd::fine("found")
    };
    let next = Next::Acknowledged {
        provider_order_id: found.provider_order_id.clone(),
    };
    (whole(AttemptKind::LookUp, started_at, end), next)
}

/// Where an order stands that was not worked on after all.
const fn standing(order: &Claimed) -> SyncStatus {
    if order.sent_at.is_some() {
        SyncStatus::InDoubt
    } else {
        SyncStatus::Pending
    }
}

/// One line for what became of an order.
fn report(order: &Claimed, next: &Next) -> SyncStatus {
    let code = &order.code;
    match next {
        Next::Acknowledged { provider_order_id } => {
            let id = provider_order_id.as_ref().map(tracing::field::display);
            tracing::info!(order = %code, veracore_order = id, "VeraCore has the order");
            SyncStatus::Success
        }
        Next::InDoubt { at, note, .. } => {
            let message = note.as_ref().map(|note| note.message.as_str());
            tracing::warn!(order = %code, again = %at, problem = message, "VeraCore: the order is in doubt");
            SyncStatus::InDoubt
        }
        Next::StillInDoubt { at, note, .. } => {
            tracing::warn!(order = %code, again = %at, category = %note.category, problem = note.message, "VeraCore: the order is still in doubt");
            SyncStatus::InDoubt
        }
        Next::Retry { at, note, .. } => {
            tracing::warn!(order = %code, again = %at, category = %note.category, problem = note.message, "VeraCore: the order was not sent, and is tried again");
            SyncStatus::Retrying
        }
        Next::Later { .. } => standing(order),
        Next::Failed { note } | Next::FailedInDoubt { note } => {
            tracing::error!(order = %code, category = %note.category, problem = note.message, "VeraCore: the order needs a person");
            SyncStatus::Error
        }
        Next::Skipped { reason, message } => {
            if *reason == SkipReason::LeftTriggerState {
                tracing::info!(order = %code, why = message, "VeraCore: the order is not sent for now");
            } else {
                tracing::info!(order = %code, why = message, "VeraCore: the order is not for it");
            }
            SyncStatus::Skipped
        }
        Next::Cancelled { message } => {
            tracing::info!(order = %code, why = message, "VeraCore: the order is not sent");
            SyncStatus::Cancelled
        }
    }
}
