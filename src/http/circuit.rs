//! An upstream's circuit, shared by its calls and by those who wait for it to close.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Answer, CallError,
    breaker::{Admission, Breaker, CircuitState, Effect, Sign, Turn, Why},
    health::{Health, HealthState},
};
use crate::clock::SharedClock;

/// A handle on an upstream's circuit. Cheap to clone.
#[derive(Clone)]
pub struct Circuit {
    name: &'static str,
    breaker: Arc<Mutex<Breaker>>,
    health: Health,
    clock: SharedClock,
}

impl Circuit {
    /// The circuit of an end that is not called over HTTP: nothing opens it. Those that are have theirs
    /// from [`Upstream`](super::Upstream).
    #[must_use]
    pub fn new(name: &'static str, clock: SharedClock) -> Self {
        Self {
            name,
            breaker: Arc::new(Mutex::new(Breaker::new(name))),
            health: Health::default(),
            clock,
        }
    }

    /// The upstream's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.breaker().state(self.clock.now())
    }

    /// How the last call went.
    #[must_use]
    pub fn health(&self) -> HealthState {
        self.health.state()
    }

    /// Whether calls of any kind are let through.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state() == CircuitState::Closed
    }

    /// Lets a call through, or says why not.
    pub(super) fn admit(
        &self,
        operation: &'static str,
        effect: Effect,
    ) -> Result<Ticket<'_>, CallError> {
        let admitted = self.breaker().admit(effect, self.clock.now());
        match admitted {
            Ok(admission) => Ok(Ticket {
                circuit: self,
                admission: Some(admission),
            }),
            Err(refusal) => Err(CallError::Parked {
                upstream: self.name,
                operation,
                why: refusal.why,
                wait: refusal.wait,
                problem: refusal.problem,
            }),
        }
    }

    /// Opens the circuit, since the upstream does not know us.
    pub(super) fn refuse(&self, problem: String) {
        let admission = Admission::plain(Effect::Enter);
        let now = self.clock.now();
        let turn = self
            .breaker()
            .note(admission, Sign::Refused { problem }, now);
        self.tell(turn);
    }

    /// Why it is open, in words; nothing when it is not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.breaker().problem()
    }

    /// After a probe: one that told nothing, neither that the upstream is back nor that it is not, is
    /// not made again at once.
    pub fn was_probed(&self) {
        self.breaker().probe_again_later(self.clock.now());
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line a turn, however many calls it concerns.
    fn tell(&self, turn: Option<Turn>) {
        let name = self.name;
        match turn {
            None => {}
            Some(Turn::Opened {
                why: Why::Down,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} is taken to be down: what is meant for it waits, and it is looked after until it is back");
            }
            Some(Turn::Opened {
                why: Why::Refused,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} refuses our credentials: nothing is sent to it until they are right. Correct them, where they are set or with `veracore-sync config set`, or have them accepted again there");
            }
            Some(Turn::Opened {
                why: Why::Throttled,
                until,
                ..
            }) => {
                tracing::warn!(%until, "{name} has had too many calls, and is left alone for as long as it asks");
            }
            Some(Turn::Closed) => {
                tracing::info!("{name} answers again; what waited for it goes on");
            }
        }
    }
}

/// A call that was let through. Dropped without an end, it says nothing about the upstream.
pub(super) struct Ticket<'a> {
    circuit: &'a Circuit,
    admission: Option<Admission>,
}

impl Ticket<'_> {
    /// Whether the call only looks if the upstream is back.
    pub(super) fn is_probe(&self) -> bool {
        self.admission.is_some_and(Admission::is_probe)
    }

    /// Takes note that the upstream works, whatever the answer's status.
    pub(super) fn end_well(mut self) {
        if let Some(admission) = self.admission.take() {
            let now = self.circuit.clock.now();
            self.circuit.health.note_well(now);
            let turn = self.circuit.breaker().note(admission, Sign::Well, now);
            self.circuit.tell(turn);
        }
    }

    /// Takes note of how the call went.
    pub(super) fn end(mut self, outcome: &Result<Answer, CallError>) {
        if let Some(admission) = self.admission.take() {
            let now = self.circuit.clock.now();
            self.circuit.health.note(outcome, now);
            let sign = sign(outcome);
            let turn = self.circuit.breaker().note(admission, sign, now);
            self.circuit.tell(turn);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.circuit.breaker().forget(admission);
        }
    }
}

/// What the end of a call says about the upstream, not about what was asked of it.
fn sign(outcome: &Result<Answer, CallError>) -> Sign {
    match outcome {
        Ok(answer) => match answer.status {
            429 => Sign::Throttled {
                retry_after: answer.retry_after,
            },
            408 | 500.. => Sign::Failing {
                problem: format!("HTTP {}", answer.status),
                retry_after: answer.retry_after,
            },
            // Whether it is our credentials is known to the client, after another try.
            300..=399 | 401 | 403 | 407 => Sign::Nothing,
            _ => Sign::Well,
        },
        Err(CallError::TooLarge { .. }) => Sign::Nothing,
        Err(error) => Sign::Failing {
            problem: error.to_string(),
            retry_after: None,
        },
    }
}
