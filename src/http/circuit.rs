//! An upstream's circuit, shared by its calls and by tasks that wait for it to close.

use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

use super::{
    CallError, CallErrorKind, HttpResponse, OpenReason,
    breaker::{Admission, Breaker, CallKind, CallSignal, CircuitState, CircuitTransition},
    health::{self, HealthState},
};
use crate::clock::SharedClock;

/// A handle on an upstream's circuit. Cheap to clone.
#[derive(Clone)]
pub struct Circuit {
    name: &'static str,
    state: Arc<Mutex<UpstreamState>>,
    clock: SharedClock,
}

struct UpstreamState {
    breaker: Breaker,
    health: HealthState,
}

impl Circuit {
    /// The circuit of a provider that is not called over HTTP: nothing opens it. All others get
    /// theirs from [`Upstream`](super::Upstream).
    pub fn new(name: &'static str, clock: SharedClock) -> Self {
        Self {
            name,
            state: Arc::new(Mutex::new(UpstreamState {
                breaker: Breaker::new(name),
                health: HealthState::Unknown,
            })),
            clock,
        }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub fn state(&self) -> CircuitState {
        self.lock().breaker.state(self.clock.now())
    }

    /// The outcome of the last call.
    pub fn health(&self) -> HealthState {
        self.lock().health.clone()
    }

    /// True if calls of any kind are admitted.
    pub fn is_closed(&self) -> bool {
        self.state() == CircuitState::Closed
    }

    /// Admits a call, or returns why not.
    pub(super) fn admit(
        &self,
        operation: &'static str,
        kind: CallKind,
    ) -> Result<CallGuard<'_>, CallError> {
        let admitted = self.lock().breaker.admit(kind, self.clock.now());
        match admitted {
            Ok(admission) => Ok(CallGuard {
                circuit: self,
                admission: Some(admission),
            }),
            Err(rejection) => Err(CallError::new(self.name, operation, rejection)),
        }
    }

    /// Opens the circuit, because the upstream refuses our credentials.
    pub(super) fn mark_unauthorized(&self, problem: String) {
        let admission = Admission::without_probe(CallKind::Login);
        let signal = CallSignal::Unauthorized { problem };
        let now = self.clock.now();
        let transition = self.lock().breaker.record(admission, signal, now);
        self.log_transition(transition);
    }

    /// The reason it is open, as text; `None` if it is closed.
    pub fn problem(&self) -> Option<String> {
        self.lock().breaker.problem()
    }

    /// After a probe: an inconclusive one is not repeated immediately.
    pub fn finish_probe(&self) {
        self.lock().breaker.delay_next_probe(self.clock.now());
    }

    fn lock(&self) -> MutexGuard<'_, UpstreamState> {
        self.state.lock()
    }

    /// Logs one line per change, however many calls it affects.
    fn log_transition(&self, transition: Option<CircuitTransition>) {
        let name = self.name;
        match transition {
            None => {}
            Some(CircuitTransition::Opened {
                reason: OpenReason::Down,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} is unavailable; calls are paused until a probe succeeds");
            }
            Some(CircuitTransition::Opened {
                reason: OpenReason::Unauthorized,
                problem,
                until,
            }) => {
                tracing::error!(problem, again = %until, "{name} refuses our credentials; calls are paused. Correct them where they are set or with `veracore-sync config set`, or have them accepted at {name}");
            }
            Some(CircuitTransition::Opened {
                reason: OpenReason::Throttled,
                until,
                ..
            }) => {
                tracing::warn!(%until, "{name} limits our rate; calls are paused as long as it asks");
            }
            Some(CircuitTransition::Closed) => {
                tracing::info!("{name} is available again; calls resume");
            }
        }
    }
}

/// The evidence that a response gives about the upstream, not about the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamVerdict {
    ByStatus,
    /// It works, whatever the status: SOAP refuses an order with a 500.
    Healthy,
    Inconclusive,
}

/// An admitted call. Dropped without an outcome, it says nothing about the upstream.
pub(super) struct CallGuard<'a> {
    circuit: &'a Circuit,
    admission: Option<Admission>,
}

impl CallGuard<'_> {
    /// True if the call only checks that the upstream is back.
    pub(super) fn is_probe(&self) -> bool {
        self.admission.is_some_and(Admission::is_probe)
    }

    pub(super) fn finish(
        mut self,
        outcome: &Result<HttpResponse, CallError>,
        verdict: UpstreamVerdict,
    ) {
        let (problem, signal) = match verdict {
            UpstreamVerdict::Inconclusive => return,
            UpstreamVerdict::Healthy => (None, CallSignal::Success),
            UpstreamVerdict::ByStatus => (health::problem(outcome), classify(outcome)),
        };
        if let Some(admission) = self.admission.take() {
            let now = self.circuit.clock.now();
            let mut state = self.circuit.lock();
            state.health.record(problem, now);
            let transition = state.breaker.record(admission, signal, now);
            drop(state);
            self.circuit.log_transition(transition);
        }
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.circuit.lock().breaker.release(admission);
        }
    }
}

/// The evidence that a finished call gives about the upstream, not about its request.
fn classify(outcome: &Result<HttpResponse, CallError>) -> CallSignal {
    match outcome {
        Ok(response) => match response.status {
            429 => CallSignal::Throttled {
                retry_after: response.retry_after,
            },
            408 | 500.. => CallSignal::Failure {
                problem: format!("HTTP {}", response.status),
                retry_after: response.retry_after,
            },
            // Whether the credentials are wrong, the client decides after another attempt.
            300..=399 | 401 | 403 | 407 => CallSignal::Inconclusive,
            _ => CallSignal::Success,
        },
        Err(error) if matches!(error.kind, CallErrorKind::TooLarge { .. }) => {
            CallSignal::Inconclusive
        }
        Err(error) => CallSignal::Failure {
            problem: error.to_string(),
            retry_after: None,
        },
    }
}
