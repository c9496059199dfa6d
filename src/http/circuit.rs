//! An upstream's circuit, shared by its calls and by tasks that wait for it to close.

use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

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
    /// The circuit of a provider that is not called over HTTP: nothing opens it. All others get
    /// theirs from [`Upstream`](super::Upstream).
    pub fn new(name: &'static str, clock: SharedClock) -> Self {
        Self {
            name,
            breaker: Arc::new(Mutex::new(Breaker::new(name))),
            health: Health::default(),
            clock,
        }
    }

    /// The upstream's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub fn state(&self) -> CircuitState {
        self.breaker().state(self.clock.now())
    }

    /// The outcome of the last call.
    pub fn health(&self) -> HealthState {
        self.health.state()
    }

    /// Whether calls of any kind are admitted.
    pub fn is_closed(&self) -> bool {
        self.state() == CircuitState::Closed
    }

    /// Admits a call, or returns why not.
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

    /// Opens the circuit, because the upstream refuses our credentials.
    pub(super) fn mark_unauthorized(&self, problem: String) {
        let admission = Admission::without_probe(CallKind::Login);
        let now = self.clock.now();
        let turn = self
            .breaker()
            .record(admission, CallSignal::Unauthorized { problem }, now);
        self.log_transition(turn);
    }

    /// The reason it is open, as text; `None` if it is closed.
    pub fn problem(&self) -> Option<String> {
        self.breaker().problem()
    }

    /// After a probe: an inconclusive one is not repeated immediately.
    pub fn finish_probe(&self) {
        self.breaker().delay_next_probe(self.clock.now());
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock()
    }

    /// Logs one line per change, however many calls it affects.
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

/// An admitted call. Dropped without an outcome, it says nothing about the upstream.
pub(super) struct CallGuard<'a> {
    circuit: &'a Circuit,
    admission: Option<Admission>,
}

impl CallGuard<'_> {
    /// Whether the call only checks that the upstream is back.
    pub(super) fn is_probe(&self) -> bool {
        self.admission.is_some_and(Admission::is_probe)
    }

    /// Records that the upstream works, whatever the response's status.
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

    /// Records the outcome of the call.
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

/// The evidence that a finished call gives about the upstream, not about its request.
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
            // The client knows whether the credentials are at fault, after another attempt.
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
