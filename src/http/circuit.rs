//! An upstream's circuit, shared by its calls and by those who wait for it to close.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    CallError, HttpResponse,
    breaker::{
        Admission, Breaker, CallKind, CallSignal, CircuitState, CircuitTransition, OpenReason,
    },
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
        effect: CallKind,
    ) -> Result<CallGuard<'_>, CallError> {
        let admitted = self.breaker().admit(effect, self.clock.now());
        match admitted {
            Ok(admission) => Ok(CallGuard {
                circuit: self,
                admission: Some(admission),
            }),
            Err(refusal) => Err(CallError::CircuitOpen {
                upstream: self.name,
                operation,
                reason: refusal.reason,
                retry_in: refusal.wait,
                problem: refusal.problem,
            }),
        }
    }

    /// Opens the circuit, since the upstream does not know us.
    pub(super) fn mark_unauthorized(&self, problem: String) {
        let admission = Admission::without_probe(CallKind::Login);
        let now = self.clock.now();
        let turn = self
            .breaker()
            .record(admission, CallSignal::Unauthorized { problem }, now);
        self.log_transition(turn);
    }

    /// Why it is open, in words; nothing when it is not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.breaker().problem()
    }

    /// After a probe: one that told nothing, neither that the upstream is back nor that it is not, is
    /// not made again at once.
    pub fn finish_probe(&self) {
        self.breaker().delay_next_probe(self.clock.now());
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line a turn, however many calls it concerns.
    fn log_transition(&self, turn: Option<CircuitTransition>) {
        let name = self.name;
        match turn {
            None => {}
            Some(CircuitTransition::Opened {
                reason: OpenReason::Down,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} is taken to be down: what is meant for it waits, and it is looked after until it is back");
            }
            Some(CircuitTransition::Opened {
                reason: OpenReason::Unauthorized,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} refuses our credentials: nothing is sent to it until they are right. Correct them, where they are set or with `veracore-sync config set`, or have them accepted again there");
            }
            Some(CircuitTransition::Opened {
                reason: OpenReason::Throttled,
                until,
                ..
            }) => {
                tracing::warn!(%until, "{name} has had too many calls, and is left alone for as long as it asks");
            }
            Some(CircuitTransition::Closed) => {
                tracing::info!("{name} answers again; what waited for it goes on");
            }
        }
    }
}

/// A call that was let through. Dropped without an end, it says nothing about the upstream.
pub(super) struct CallGuard<'a> {
    circuit: &'a Circuit,
    admission: Option<Admission>,
}

impl CallGuard<'_> {
    /// Whether the call only looks if the upstream is back.
    pub(super) fn is_probe(&self) -> bool {
        self.admission.is_some_and(Admission::is_probe)
    }

    /// Takes note that the upstream works, whatever the answer's status.
    pub(super) fn finish_ok(mut self) {
        if let Some(admission) = self.admission.take() {
            let now = self.circuit.clock.now();
            self.circuit.health.record_up(now);
            let turn = self
                .circuit
                .breaker()
                .record(admission, CallSignal::Success, now);
            self.circuit.log_transition(turn);
        }
    }

    /// Takes note of how the call went.
    pub(super) fn finish(mut self, outcome: &Result<HttpResponse, CallError>) {
        if let Some(admission) = self.admission.take() {
            let now = self.circuit.clock.now();
            self.circuit.health.record(outcome, now);
            let sign = classify(outcome);
            let turn = self.circuit.breaker().record(admission, sign, now);
            self.circuit.log_transition(turn);
        }
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.circuit.breaker().release(admission);
        }
    }
}

/// What the end of a call says about the upstream, not about what was asked of it.
fn classify(outcome: &Result<HttpResponse, CallError>) -> CallSignal {
    match outcome {
        Ok(answer) => match answer.status {
            429 => CallSignal::Throttled {
                retry_after: answer.retry_after,
            },
            408 | 500.. => CallSignal::Failure {
                problem: format!("HTTP {}", answer.status),
                retry_after: answer.retry_after,
            },
            // Whether it is our credentials is known to the client, after another try.
            300..=399 | 401 | 403 | 407 => CallSignal::Inconclusive,
            _ => CallSignal::Success,
        },
        Err(CallError::TooLarge { .. }) => CallSignal::Inconclusive,
        Err(error) => CallSignal::Failure {
            problem: error.to_string(),
            retry_after: None,
        },
    }
}
