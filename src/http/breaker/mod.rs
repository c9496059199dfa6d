//! The circuit breaker: decides whether an upstream may be called. Pure: the time and the outcomes of
//! calls are passed in.
//!
//! Not a crate: the maintained ones read the system clock, and support neither refused credentials
//! nor `Retry-After`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Backoff,
    error::{CallErrorKind, OpenReason},
};

/// Consecutive failures that open the circuit. A single order that the upstream fails on does not,
/// since other calls succeed in between.
const FAILURE_THRESHOLD: u32 = 5;

/// Pause before a probe of an unavailable upstream.
const DOWN_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(5),
    max: Duration::from_secs(60),
};

/// Pause after refused credentials: many failed logins may lock an account.
const UNAUTHORIZED_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(60),
    max: Duration::from_secs(15 * 60),
};

/// Pause after a rate limit response without `Retry-After`.
const THROTTLED_BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(1),
    max: Duration::from_secs(60),
};

/// The longest pause that an upstream can ask for.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Delay for a call that is rejected during a probe.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// The effect of a call, which decides whether it may be repeated and whether it may probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// Fetches a token or a session. Its success does not show that other calls work.
    Login,
    Read,
    Write,
    /// A write whose repetition has no effect, since it carries an id. It may probe an upstream
    /// without reads. It is not repeated within a call.
    IdempotentWrite,
}

/// The evidence that a finished call gives about the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallSignal {
    Success,
    /// It failed, at least for this call.
    Failure {
        problem: String,
        retry_after: Option<Duration>,
    },
    /// It limits our rate.
    Throttled {
        retry_after: Option<Duration>,
    },
    /// It refuses our credentials.
    Unauthorized {
        problem: String,
    },
    Inconclusive,
}

/// An open circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenCircuit {
    reason: OpenReason,
    problem: String,
    /// When it opened, or the last probe failed.
    opened_at: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Consecutive openings for this reason.
    openings: u32,
    is_probing: bool,
}

impl OpenCircuit {
    /// Also over if the clock was set back, so that the pause cannot last forever.
    fn is_pause_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.until || now < self.opened_at
    }

    fn rejection(&self, now: DateTime<Utc>) -> CallErrorKind {
        let retry_in = if self.is_pause_over(now) {
            PROBE_RETRY
        } else {
            (self.until - now).to_std().unwrap_or(PROBE_RETRY)
        };
        CallErrorKind::CircuitOpen {
            reason: self.reason,
            retry_in,
            problem: self.problem.clone(),
        }
    }
}

/// A call that may be made. Its outcome must be recorded, or the admission released.
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

/// A change that is worth a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CircuitTransition {
    Opened {
        reason: OpenReason,
        problem: String,
        until: DateTime<Utc>,
    },
    Closed,
}

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    Closed,
    /// No calls; a probe is due at `until`.
    Open {
        reason: OpenReason,
        until: DateTime<Utc>,
    },
    /// A probe may be made, or is in progress.
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
    /// Consecutive failed calls.
    failures: u32,
    /// Consecutive rate limit responses.
    throttles: u32,
    /// Makes the jitter of each upstream different.
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
                reason => CircuitState::HalfOpen { reason },
            },
            Some(open) => CircuitState::Open {
                reason: open.reason,
                until: open.until,
            },
        }
    }

    /// Admits a call, or returns why not. After the pause, one harmless call is admitted as a probe.
    pub(super) fn admit(
        &mut self,
        kind: CallKind,
        now: DateTime<Utc>,
    ) -> Result<Admission, CallErrorKind> {
        let free = Admission::without_probe(kind);
        let Some(open) = &mut self.open else {
            return Ok(free);
        };
        if !open.is_pause_over(now) {
            return Err(open.rejection(now));
        }
        match (open.reason, kind) {
            // The pause it asked for is over.
            (OpenReason::Throttled, _) => {
                self.open = None;
                Ok(free)
            }
            (_, CallKind::Login) => Ok(free),
            (_, CallKind::Read | CallKind::IdempotentWrite) if !open.is_probing => {
                open.is_probing = true;
                Ok(Admission {
                    kind,
                    is_probe: true,
                })
            }
            _ => Err(open.rejection(now)),
        }
    }

    /// Records the outcome of an admitted call.
    pub(super) fn record(
        &mut self,
        admission: Admission,
        signal: CallSignal,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        self.release(admission);
        match signal {
            CallSignal::Inconclusive => None,
            // A call from before the circuit opened.
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
                    // A call from before the circuit opened.
                    Some(open) if !(probed && open.is_pause_over(now)) => None,
                    None if self.failures < FAILURE_THRESHOLD => None,
                    // The refused credentials remain the reason.
                    Some(OpenCircuit {
                        reason: OpenReason::Unauthorized,
                        ..
                    }) => self.trip(OpenReason::Unauthorized, problem, retry_after, now),
                    _ => self.trip(OpenReason::Down, problem, retry_after, now),
                }
            }
        }
    }

    /// After an inconclusive probe: the next one follows after another pause.
    pub(super) fn delay_next_probe(&mut self, now: DateTime<Utc>) {
        let Some(open) = &self.open else { return };
        if open.is_pause_over(now) && open.reason != OpenReason::Throttled {
            let (reason, problem) = (open.reason, open.problem.clone());
            self.trip(reason, problem, None, now);
        }
    }

    /// The reason it is open, as text.
    pub(super) fn problem(&self) -> Option<String> {
        self.open.as_ref().map(|open| open.problem.clone())
    }

    /// Opens the circuit for the pause that the upstream asked for.
    fn trip_throttled(
        &mut self,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        // Rate-limited because of refused logins: the credentials remain the reason.
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
        let previous = self.open.take();
        let pause =
            asked.unwrap_or_else(|| THROTTLED_BACKOFF.delay(self.throttles, self.jitter_seed));
        let until = pause_end(now, pause);
        // Concurrent calls may get different pauses; the longest one counts.
        let until = match &previous {
            Some(open) if open.reason == OpenReason::Throttled => until.max(open.until),
            _ => until,
        };
        let opened = self.open(
            OpenReason::Throttled,
            "too many calls".into(),
            self.throttles,
            until,
            now,
        );
        match previous {
            Some(open) if open.reason != OpenReason::Throttled => Some(CircuitTransition::Closed),
            _ => (self.throttles == 1).then_some(opened),
        }
    }

    fn trip(
        &mut self,
        reason: OpenReason,
        problem: String,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<CircuitTransition> {
        let previous = self.open.take().filter(|open| open.reason == reason);
        let openings = previous.as_ref().map_or(1, |open| open.openings + 1);
        let backoff = if reason == OpenReason::Unauthorized {
            UNAUTHORIZED_BACKOFF
        } else {
            DOWN_BACKOFF
        };
        let own = backoff.delay(openings, self.jitter_seed);
        let until = pause_end(now, own.max(asked.unwrap_or_default()));
        let opened = self.open(reason, problem, openings, until, now);
        previous.is_none().then_some(opened)
    }

    fn open(
        &mut self,
        reason: OpenReason,
        problem: String,
        openings: u32,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> CircuitTransition {
        self.open = Some(OpenCircuit {
            reason,
            problem: problem.clone(),
            opened_at: now,
            until,
            openings,
            is_probing: false,
        });
        CircuitTransition::Opened {
            reason,
            problem,
            until,
        }
    }

    /// Ends a call, which may have been a probe.
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
