//! What follows when VeraCore tells of an order or a package: it is asked about that order.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::worker::{Outcome, SHORTLY, Worker};
use crate::{
    domain::{News, OrderCode, PackageNews, SyncStatus},
    ledger::{ClaimedNews, LedgerError, NewsEnd, Origin, RecordedShipment},
    sync::{
        passes::{self, Ran, unwatched},
        tracking::{self, TrackingError, TrackingSync},
    },
    telemetry::of_order,
};

/// With more orders than this at once, all packages are read in one list, rather than one list an
/// order.
const MOST_SINGLY: usize = 10;

/// Orders asked about at the same time.
const AT_ONCE: usize = 4;

/// How it went with an order's packages.
enum Asked {
    Through,
    /// Not so well, and for which reason.
    Not(Outcome),
}

impl Worker {
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn work_on_orders(&self, due: &[ClaimedNews]) -> Result<(), LedgerError> {
        let mut asking: Vec<&ClaimedNews> = Vec::new();
        let (mut codes, mut revoked) = (BTreeSet::new(), BTreeSet::new());
        for news in due {
            match one_by_one(self.standing(news).await)? {
                Ok(None) => {
                    codes.extend(news.news.order().cloned());
                    revoked.extend(revoked_by(&news.news).cloned());
                    asking.push(news);
                }
                Ok(Some(outcome)) => self.settle(news, outcome).await?,
                Err(problem) => self.settle(news, problem).await?,
            }
        }
        let mut asked = if codes.len() > MOST_SINGLY {
            let mut asked = self.ask_about_all(codes).await?;
            // The list of packages does not tell of cancelled orders.
            asked.extend(self.ask_about_each(revoked).await?);
            asked
        } else {
            self.ask_about_each(codes).await?
        };
        for news in asking {
            let found = news.news.order().and_then(|code| asked.get_mut(code));
            let outcome = match found {
                Some(Asked::Through) => match one_by_one(self.confirmed(news).await)? {
                    Ok(outcome) | Err(outcome) => outcome,
                },
                Some(Asked::Not(outcome)) => outcome.clone(),
                None if self.tasks.stopping() => Outcome::stopped(),
                None => failing("asking about it panicked".into()),
            };
            self.settle(news, outcome).await?;
        }
        Ok(())
    }

    /// What follows from how the order stands here; nothing when VeraCore has it, and is to be asked
    /// about its packages.
    async fn standing(&self, news: &ClaimedNews) -> Result<Option<Outcome>, LedgerError> {
        let Some(code) = news.news.order() else {
            return Ok(Some(Outcome::done(None)));
        };
        let Some(record) = self.ledger().order(code).await? else {
            let why = "no such order is known here".to_owned();
            return Ok(Some(Outcome::End(NewsEnd::Unknown, Some(why))));
        };
        let status = record.sync_status;
        let here = format!("the order is '{}' here", status.as_str());
        let of_a_package = matches!(news.news, News::Tracking(_));
        Ok(Some(match status {
            SyncStatus::Success => return Ok(None),
            SyncStatus::InDoubt | SyncStatus::Retrying => {
                let quiet = self.orders.settings().quiet;
                // Only once: further tries of this webhook must not use up the order's.
                let hastened =
                    news.attempts == 1 && self.ledger().hasten_order(code, news, quiet).await?;
                if of_a_package {
                    // As soon as it turns out that VeraCore has it.
                    unconfirmed(here)
                } else if hastened {
                    Outcome::done(format!("{here}, and is looked into sooner"))
                } else {
                    Outcome::done(format!("{here}, and is looked into anyway"))
                }
            }
            SyncStatus::Pending | SyncStatus::Syncing if of_a_package => unconfirmed(here),
            // By the time of the next try it is known what became of it.
            SyncStatus::Syncing => Outcome::Again {
                why: here,
                at_last: NewsEnd::Done,
            },
            SyncStatus::Pending => Outcome::done(here),
            SyncStatus::Error | SyncStatus::Skipped | SyncStatus::Cancelled => {
                Outcome::End(NewsEnd::Unknown, Some(here))
            }
        }))
    }

    async fn ask_about_each(
        &self,
        codes: BTreeSet<OrderCode>,
    ) -> Result<BTreeMap<OrderCode, Asked>, LedgerError> {
        let mut waiting = codes.into_iter();
        let mut asking = JoinSet::new();
        let mut asked = BTreeMap::new();
        let mut away = None;
        loop {
            while asking.len() < AT_ONCE && away.is_none() && !self.tasks.stopping() {
                let Some(code) = waiting.next() else { break };
                let service = self.tracking.clone();
                let span = of_order(&code);
                let pass = async move {
                    let outcome = service.pass(Some(&code), &unwatched()).await;
                    // For the log; a run it is not.
                    let _ = TrackingSync::report(&outcome);
                    (code, outcome)
                };
                asking.spawn(pass.instrument(span));
            }
            match asking.join_next().await {
                None => return away.map_or(Ok(asked), Err),
                // No more is begun, and what is under way comes to its end.
                Some(Ok((_, Err(TrackingError::Ledger(error))))) if error.is_away() => {
                    away.get_or_insert(error);
                }
                Some(Ok((code, outcome))) => {
                    asked.insert(code, judged(&outcome));
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "VeraCore: asking about an order panicked");
                }
            }
        }
    }

    async fn ask_about_all(
        &self,
        codes: BTreeSet<OrderCode>,
    ) -> Result<BTreeMap<OrderCode, Asked>, LedgerError> {
        let (ledger, clock) = (self.ledger(), self.clock());
        let ran = passes::at_once(
            ledger,
            clock,
            tracking::JOB,
            Origin::Webhook,
            serde_json::json!({}),
            async |_| {
                let outcome = self.tracking.pass(None, &unwatched()).await;
                let report = TrackingSync::report(&outcome);
                (outcome, report)
            },
        );
        let outcome = match ran.await? {
            Ran::Through(_, Err(TrackingError::Ledger(error))) if error.is_away() => {
                return Err(error);
            }
            Ran::Through(_, outcome) => outcome,
            Ran::Busy | Ran::Dropped => {
                let later = || {
                    Asked::Not(Outcome::Later {
                        after: SHORTLY,
                        why: "a pass over all packages is going on".into(),
                    })
                };
                return Ok(codes.into_iter().map(|code| (code, later())).collect());
            }
        };
        let failed: BTreeMap<String, String> = match &outcome {
            Ok(summary) => summary
                .failures
                .iter()
                .map(|failure| (failure.order.clone(), failure.problem.clone()))
                .collect(),
            Err(_) => BTreeMap::new(),
        };
        let is_busy = |code: &OrderCode| {
            let busy = outcome.as_ref().map(|summary| &summary.busy_orders);
            busy.is_ok_and(|busy| busy.contains(code))
        };
        let judge = |code: OrderCode| {
            let asked = match (&outcome, failed.get(code.as_str())) {
                _ if is_busy(&code) => Asked::Not(Outcome::Later {
                    after: SHORTLY,
                    why: "somebody works on the order".into(),
                }),
                (Ok(_), Some(problem)) => Asked::Not(failing(problem.clone())),
                (Ok(_), None) => Asked::Through,
                (Err(_), _) => judged(&outcome),
            };
            (code, asked)
        };
        Ok(codes.into_iter().map(judge).collect())
    }

    /// Whether what was told of is known here, after VeraCore was asked.
    async fn confirmed(&self, news: &ClaimedNews) -> Result<Outcome, LedgerError> {
        let News::Tracking(package) = &news.news else {
            return Ok(Outcome::done(None));
        };
        let known = self
            .ledger()
            .shipments_of(std::slice::from_ref(&package.number))
            .await?;
        if knows(&known, package) {
            return Ok(Outcome::done(None));
        }
        Ok(unconfirmed(
            "VeraCore was asked, and does not tell of this package".into(),
        ))
    }
}

/// The order of which it is told that it was cancelled.
fn revoked_by(news: &News) -> Option<&OrderCode> {
    let News::Order { number, status } = news else {
        return None;
    };
    let status = status.to_ascii_lowercase();
    (status.starts_with("cancel") || status.starts_with("void")).then_some(number)
}

/// A package without any name is on no record, and the order was asked about.
fn knows(known: &[RecordedShipment], package: &PackageNews) -> bool {
    let same = |ours: Option<&String>, told: Option<&String>| told.is_some() && ours == told;
    let (id, number) = (
        package.shipment_id.as_ref(),
        package.tracking_number.as_ref(),
    );
    id.is_none() && number.is_none()
        || known.iter().any(|shipment| {
            same(shipment.told.shipment_id.as_ref(), id)
                || same(shipment.told.tracking_number.as_ref(), number)
        })
}

fn unconfirmed(why: String) -> Outcome {
    Outcome::Again {
        why,
        at_last: NewsEnd::Unconfirmed,
    }
}

fn failing(why: String) -> Outcome {
    Outcome::Again {
        why,
        at_last: NewsEnd::Failed,
    }
}

fn judged(outcome: &Result<tracking::Summary, TrackingError>) -> Asked {
    match outcome {
        Ok(summary) if summary.busy > 0 => Asked::Not(Outcome::Later {
            after: SHORTLY,
            why: "somebody else works on the order".into(),
        }),
        Ok(summary) => match summary.failures.first() {
            Some(failure) => Asked::Not(failing(failure.problem.clone())),
            None => Asked::Through,
        },
        Err(TrackingError::Stopped) => Asked::Not(Outcome::stopped()),
        Err(error) => Asked::Not(failing(error.to_string())),
    }
}

/// A database that is away is so for all; any other trouble is that of one webhook.
fn one_by_one<T>(found: Result<T, LedgerError>) -> Result<Result<T, Outcome>, LedgerError> {
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.is_away() => Err(error),
        Err(error) => Ok(Err(failing(error.to_string()))),
    }
}
