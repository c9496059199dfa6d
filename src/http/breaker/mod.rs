//! Whether an upstream may be called right now: the circuit breaker. Pure: it is told the time and
//! how calls went.
//!
//! No crate was taken for this: the ones that are alive read the machine's clock, and know neither
//! refused credentials nor a `Retry-After`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Backoff;

/// So many calls in a row must fail before an upstream is taken for down: one order that it
/// stumbles over is not enough, since other calls succeed in between.
const FAILURE_THRESHOLD: u32 = 5;

/// How long an upstream that is down is left alone before it is probed.
const DOWN_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(5),
    max: Duration::from_secs(60),
};

/// The same after it refused our credentials: many logins in a row may lock an account.
const UNAUTHORIZED_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(60),
    max: Duration::from_secs(15 * 60),
};

/// The same after too many calls, where it does not say for how long.
const THROTTLED_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(1),
    max: Duration::from_secs(60),
};

/// Longer than this nobody is left alone for the asking.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// How soon a call that came while a probe was under way may be tried again.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// What a call does there, which decides whether it may be repeated and whether it may probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// Gets us in: a token, a session. That it succeeds does not say that anything else works.
    Login,
    Read,
    Write,
    /// A write that the other side takes for the same when it comes again, since it has an id: where
    /// nothing can be read, it may probe. It is not repeated within a call all the same.
    IdempotentWrite,
}

/// What the end of a call says about the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallSignal {
    /// It works.
    Success,
    /// It does not, at least for this call.
    Failure {
        problem: String,
        retry_after: Option<Duration>,
    },
    /// Too many calls.
    Throttled { retry_after: Option<Duration> },
    /// It does not know us.
    Unauthorized { problem: String },
    /// Nothing.
    Inconclusive,
}

/// Why an upstream is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenReason {
    Down,
    Unauthorized,
    Throttled,
}

/// An open circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenCircuit {
    reason: OpenReason,
    problem: String,
    /// When it was opened, or last probed in vain.
    opened_at: DateTime<Utc>,
    until: DateTime<Utc>,
    /// How often in a row.
    openings: u32,
    is_probing: bool,
}

impl OpenCircuit {
    /// Whether the pause is over. After a clock that was set back it must not last for ever.
    fn is_pause_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.until || now < self.opened_at
    }

    fn rejection(&self, now: DateTime<Utc>) -> CircuitRejection {
        let wait = if self.is_pause_over(now) {
            PROBE_RETRY
        } else {
            (self.until - now).to_std().unwrap_or(PROBE_RETRY)
        };
        CircuitRejection {
            reason: self.reason,
            wait,
            problem: self.problem.clone(),
        }
    }
}

/// A call that may not be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CircuitRejection {
    pub reason: OpenReason,
    pub wait: Duration,
    pub problem: String,
}

/// A call that may be made. Its end must be told, also when it never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    kind: CallKind,
    is_probe: bool,
}

impl Admission {
    pub(super) const fn is_probe(self) -> bool {
        self.is_probe
    }

    pub(super) const fn without_probe(kind: CallKind) -> Self {
        Self {
            kind,
            is_probe: false,
        }
    }
}

/// A turn that is worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CircuitTransition {
    Opened {
        reason: OpenReason,
        problem: String,
        until: DateTime<Utc>,
    },
    Closed,
}

/// How a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    Closed,
    /// Nothing is called; a probe is due once `until` is over.
    Open {
        reason: OpenReason,
        until: DateTime<Utc>,
    },
    /// A probe may be made, or is under way.
    HalfOpen {
        reason: OpenReason,
    },
}

impl CircuitState {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: Option<OpenCircuit>,
    /// Calls in a row that failed.
    failures: u32,
    /// Calls in a row that were too many.
    throttles: u32,
    /// Sets the jitter of this upstream apart from the other's.
    jitter_seed: &'static str,
}

impl Breaker {
    pub(super) fn new(jitter_seed: &'static str) -> Self {
        Self {
            jitter_seed,
            ..Self::default()
        }
    }

    pub(super) fn state(&self, now: DateTime<Utc>) -> CircuitState {
        match &self.open {
            None => CircuitState::Closed,
            Some(open) if open.is_pause_over(now) => match open.reason {
                OpenReason::Throttled => CircuitState::Closed,
                why => CircuitState::HalfOpen { reason: why },
            },
            Some(open) => CircuitState::Open {
                reason: open.reason,
                until: open.until,
            },
        }
    }

    /// Whether a call may be made now. When the pause is over, one call that does no
    /// harm is let through to see.
    pub(super) fn admit(
        &mut self,
        effect: CallKind,
        now: DateTime<Utc>,
    ) -> Result<Admission, CircuitRejection> {
        let free = Admission::without_probe(effect);
        let Some(open) = &mut self.open else {
            return Ok(free);
        };
        if !open.is_pause_over(now) {
            return Err(open.rejection(now));
        }
        match (open.reason, effect) {
            // It asked for a pause and had it.
            (OpenReason::Throttled, _) => {
                self.open = None;
                Ok(free)
            }
            (_, CallKind::Login) => Ok(free),
            (_, CallKind::Read | CallKind::IdempotentWrite) if !open.is_probing => {
                open.is_probing = true;
                Ok(Admission {
                    kind: effect,
                    is_probe: true,
                })
            }
            _ => Err(open.rejection(now)),
        }
    }

    /// Takes in how an admitted call ended.
    pub(super) fn record(
        &mut self,
        admission: Admission,
        sign: CallSignal,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        if admission.is_probe
            && let Some(open) = &mut self.open
        {
            open.is_probing = false;
        }
        match sign {
            CallSignal::Inconclusive => None,
            // What had begun before says nothing new.
            CallSignal::Unauthorized { .. }
                if self.open.as_ref().is_some_and(|open| {
                    open.reason == OpenReason::Unauthorized && !open.is_pause_over(now)
                }) =>
            {
                None
            }
            CallSignal::Success if admission.kind == CallKind::Login => None,
            CallSignal::Success => {
                self.failures = 0;
                self.throttles = 0;
                let open = self.open.take()?;
                (open.reason != OpenReason::Throttled).then_some(CircuitTransition::Closed)
            }
            CallSignal::Throttled { retry_after } => self.trip_throttled(retry_after, now),
            CallSignal::Unauthorized { problem } => {
                self.trip(OpenReason::Unauthorized, problem, None, now)
            }
            CallSignal::Failure {
                problem,
                retry_after,
            } => {
                self.failures = self.failures.saturating_add(1);
                let probed = admission.is_probe || admission.kind == CallKind::Login;
                match &self.open {
                    // What had begun before it opened says nothing new.
                    Some(open) if !(probed && open.is_pause_over(now)) => None,
                    None if self.failures < FAILURE_THRESHOLD => None,
                    // Refused before, and now not even there: still for want of credentials.
                    Some(OpenCircuit {
                        reason: OpenReason::Unauthorized,
                        ..
                    }) => self.trip(OpenReason::Unauthorized, problem, retry_after, now),
                    _ => self.trip(OpenReason::Down, problem, retry_after, now),
                }
            }
        }
    }

    /// A probe was made and told nothing: the next one comes after another pause.
    pub(super) fn delay_next_probe(&mut self, now: DateTime<Utc>) {
        let Some(open) = &self.open else { return };
        if open.is_pause_over(now) && open.reason != OpenReason::Throttled {
            let (why, problem) = (open.reason, open.problem.clone());
            self.trip(why, problem, None, now);
        }
    }

    /// Why it is open.
    pub(super) fn problem(&self) -> Option<String> {
        self.open.as_ref().map(|open| open.problem.clone())
    }

    /// It is there after all, but wants to be left alone.
    fn trip_throttled(
        &mut self,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        // Too many logins with what it refuses.
        if let Some(OpenCircuit {
            reason: OpenReason::Unauthorized,
            problem,
            ..
        }) = &self.open
        {
            let problem = problem.clone();
            return self.trip(OpenReason::Unauthorized, problem, asked, now);
        }
        self.failures = 0;
        self.throttles = self.throttles.saturating_add(1);
        let was = self.open.take();
        let pause =
            asked.unwrap_or_else(|| THROTTLED_BACKOFF.delay(self.throttles, self.jitter_seed));
        let until = pause_end(now, pause);
        // Several calls may be told so at once; the longest pause holds.
        let until = match &was {
            Some(open) if open.reason == OpenReason::Throttled => until.max(open.until),
            _ => until,
        };
        let problem = "too many calls".to_owned();
        self.open = Some(OpenCircuit {
            reason: OpenReason::Throttled,
            problem: problem.clone(),
            opened_at: now,
            until,
            openings: self.throttles,
            is_probing: false,
        });
        match was {
            Some(open) if open.reason != OpenReason::Throttled => Some(CircuitTransition::Closed),
            _ if self.throttles == 1 => Some(CircuitTransition::Opened {
                reason: OpenReason::Throttled,
                problem,
                until,
            }),
            _ => None,
        }
    }

    fn trip(
        &mut self,
        why: OpenReason,
        problem: String,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        let was = self.open.take();
        let again = was.as_ref().is_some_and(|open| open.reason == why);
        let times = was.filter(|_| again).map_or(1, |open| open.openings + 1);
        let backoff = if why == OpenReason::Unauthorized {
            UNAUTHORIZED_BACKOFF
        } else {
            DOWN_BACKOFF
        };
        let own = backoff.delay(times, self.jitter_seed);
        let until = pause_end(now, own.max(asked.unwrap_or_default()));
        self.open = Some(OpenCircuit {
            reason: why,
            problem: problem.clone(),
            opened_at: now,
            until,
            openings: times,
            is_probing: false,
        });
        (!again).then_some(CircuitTransition::Opened {
            reason: why,
            problem,
            until,
        })
    }

    /// A call that was dropped before its end.
    pub(super) fn release(&mut self, admission: Admission) {
        if admission.is_probe
            && let Some(open) = &mut self.open
        {
            open.is_probing = false;
        }
    }
}

fn pause_end(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(pause.min(MAX_PAUSE)).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests;
