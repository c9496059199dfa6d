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
const FAILURES: u32 = 5;

/// How long an upstream that is down is left alone before it is probed.
const DOWN: Backoff = Backoff {
    initial: Duration::from_secs(5),
    max: Duration::from_secs(60),
};

/// The same after it refused our credentials: many logins in a row may lock an account.
const REFUSED: Backoff = Backoff {
    initial: Duration::from_secs(60),
    max: Duration::from_secs(15 * 60),
};

/// The same after too many calls, where it does not say for how long.
const THROTTLED: Backoff = Backoff {
    initial: Duration::from_secs(1),
    max: Duration::from_secs(60),
};

/// Longer than this nobody is left alone for the asking.
const LONGEST: Duration = Duration::from_secs(3600);

/// How soon a call that came while a probe was under way may be tried again.
const PROBING: Duration = Duration::from_secs(1);

/// What a call does there, which decides whether it may be repeated and whether it may probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Gets us in: a token, a session. That it succeeds does not say that anything else works.
    Enter,
    Read,
    Write,
    /// A write that the other side takes for the same when it comes again, since it has an id: where
    /// nothing can be read, it may probe. It is not repeated within a call all the same.
    Post,
}

/// What the end of a call says about the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// It works.
    Well,
    /// It does not, at least for this call.
    Failing {
        problem: String,
        retry_after: Option<Duration>,
    },
    /// Too many calls.
    Throttled { retry_after: Option<Duration> },
    /// It does not know us.
    Refused { problem: String },
    /// Nothing.
    Nothing,
}

/// Why an upstream is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Down,
    Refused,
    Throttled,
}

/// An open circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    why: Why,
    problem: String,
    /// When it was opened, or last probed in vain.
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// How often in a row.
    times: u32,
    probing: bool,
}

impl Open {
    /// Whether the pause is over. After a clock that was set back it must not last for ever.
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.until || now < self.from
    }

    fn refusal(&self, now: DateTime<Utc>) -> Refusal {
        let wait = if self.is_over(now) {
            PROBING
        } else {
            (self.until - now).to_std().unwrap_or(PROBING)
        };
        Refusal {
            why: self.why,
            wait,
            problem: self.problem.clone(),
        }
    }
}

/// A call that may not be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub why: Why,
    pub wait: Duration,
    pub problem: String,
}

/// A call that may be made. Its end must be told, also when it never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    effect: Effect,
    probe: bool,
}

impl Admission {
    pub(super) const fn is_probe(self) -> bool {
        self.probe
    }

    pub(super) const fn plain(effect: Effect) -> Self {
        Self {
            effect,
            probe: false,
        }
    }
}

/// A turn that is worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    Opened {
        why: Why,
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
        why: Why,
        until: DateTime<Utc>,
    },
    /// A probe may be made, or is under way.
    HalfOpen {
        why: Why,
    },
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: Option<Open>,
    /// Calls in a row that failed.
    failures: u32,
    /// Calls in a row that were too many.
    throttled: u32,
    /// Sets the jitter of this upstream apart from the other's.
    seed: &'static str,
}

impl Breaker {
    pub(super) fn new(seed: &'static str) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    pub(super) fn state(&self, now: DateTime<Utc>) -> CircuitState {
        match &self.open {
            None => CircuitState::Closed,
            Some(open) if open.is_over(now) => match open.why {
                Why::Throttled => CircuitState::Closed,
                why => CircuitState::HalfOpen { why },
            },
            Some(open) => CircuitState::Open {
                why: open.why,
                until: open.until,
            },
        }
    }

    /// Whether a call may be made now. When the pause is over, one call that does no
    /// harm is let through to see.
    pub(super) fn admit(
        &mut self,
        effect: Effect,
        now: DateTime<Utc>,
    ) -> Result<Admission, Refusal> {
        let free = Admission::plain(effect);
        let Some(open) = &mut self.open else {
            return Ok(free);
        };
        if !open.is_over(now) {
            return Err(open.refusal(now));
        }
        match (open.why, effect) {
            // It asked for a pause and had it.
            (Why::Throttled, _) => {
                self.open = None;
                Ok(free)
            }
            (_, Effect::Enter) => Ok(free),
            (_, Effect::Read | Effect::Post) if !open.probing => {
                open.probing = true;
                Ok(Admission {
                    effect,
                    probe: true,
                })
            }
            _ => Err(open.refusal(now)),
        }
    }

    /// Takes in how an admitted call ended.
    pub(super) fn note(
        &mut self,
        admission: Admission,
        sign: Sign,
        now: DateTime<Utc>,
    ) -> Option<Turn> {
        if admission.probe
            && let Some(open) = &mut self.open
        {
            open.probing = false;
        }
        match sign {
            Sign::Nothing => None,
            // What had begun before says nothing new.
            Sign::Refused { .. }
                if self
                    .open
                    .as_ref()
                    .is_some_and(|open| open.why == Why::Refused && !open.is_over(now)) =>
            {
                None
            }
            Sign::Well if admission.effect == Effect::Enter => None,
            Sign::Well => {
                self.failures = 0;
                self.throttled = 0;
                let open = self.open.take()?;
                (open.why != Why::Throttled).then_some(Turn::Closed)
            }
            Sign::Throttled { retry_after } => self.throttle(retry_after, now),
            Sign::Refused { problem } => self.pause(Why::Refused, problem, None, now),
            Sign::Failing {
                problem,
                retry_after,
            } => {
                self.failures = self.failures.saturating_add(1);
                let probed = admission.probe || admission.effect == Effect::Enter;
                match &self.open {
                    // What had begun before it opened says nothing new.
                    Some(open) if !(probed && open.is_over(now)) => None,
                    None if self.failures < FAILURES => None,
                    // Refused before, and now not even there: still for want of credentials.
                    Some(Open {
                        why: Why::Refused, ..
                    }) => self.pause(Why::Refused, problem, retry_after, now),
                    _ => self.pause(Why::Down, problem, retry_after, now),
                }
            }
        }
    }

    /// A probe was made and told nothing: the next one comes after another pause.
    pub(super) fn probe_again_later(&mut self, now: DateTime<Utc>) {
        let Some(open) = &self.open else { return };
        if open.is_over(now) && open.why != Why::Throttled {
            let (why, problem) = (open.why, open.problem.clone());
            self.pause(why, problem, None, now);
        }
    }

    /// Why it is open.
    pub(super) fn problem(&self) -> Option<String> {
        self.open.as_ref().map(|open| open.problem.clone())
    }

    /// It is there after all, but wants to be left alone.
    fn throttle(&mut self, asked: Option<Duration>, now: DateTime<Utc>) -> Option<Turn> {
        // Too many logins with what it refuses.
        if let Some(Open {
            why: Why::Refused,
            problem,
            ..
        }) = &self.open
        {
            let problem = problem.clone();
            return self.pause(Why::Refused, problem, asked, now);
        }
        self.failures = 0;
        self.throttled = self.throttled.saturating_add(1);
        let was = self.open.take();
        let pause = asked.unwrap_or_else(|| THROTTLED.delay(self.throttled, self.seed));
        let until = end_of(now, pause);
        // Several calls may be told so at once; the longest pause holds.
        let until = match &was {
            Some(open) if open.why == Why::Throttled => until.max(open.until),
            _ => until,
        };
        let problem = "too many calls".to_owned();
        self.open = Some(Open {
            why: Why::Throttled,
            problem: problem.clone(),
            from: now,
            until,
            times: self.throttled,
            probing: false,
        });
        match was {
            Some(open) if open.why != Why::Throttled => Some(Turn::Closed),
            _ if self.throttled == 1 => Some(Turn::Opened {
                why: Why::Throttled,
                problem,
                until,
            }),
            _ => None,
        }
    }

    fn pause(
        &mut self,
        why: Why,
        problem: String,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<Turn> {
        let was = self.open.take();
        let again = was.as_ref().is_some_and(|open| open.why == why);
        let times = was.filter(|_| again).map_or(1, |open| open.times + 1);
        let backoff = if why == Why::Refused { REFUSED } else { DOWN };
        let own = backoff.delay(times, self.seed);
        let until = end_of(now, own.max(asked.unwrap_or_default()));
        self.open = Some(Open {
            why,
            problem: problem.clone(),
            from: now,
            until,
            times,
            probing: false,
        });
        (!again).then_some(Turn::Opened {
            why,
            problem,
            until,
        })
    }

    /// A call that was dropped before its end.
    pub(super) fn forget(&mut self, admission: Admission) {
        if admission.probe
            && let Some(open) = &mut self.open
        {
            open.probing = false;
        }
    }
}

fn end_of(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(pause.min(LONGEST)).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
