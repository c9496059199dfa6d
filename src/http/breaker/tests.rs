//! The breaker, under a clock of the test's.

use proptest::prelude::*;

use super::*;

struct TestCircuit {
    breaker: Breaker,
    now: DateTime<Utc>,
}

fn failing() -> CallSignal {
    CallSignal::Failure {
        problem: "HTTP 503".into(),
        retry_after: None,
    }
}

fn refused() -> CallSignal {
    CallSignal::Unauthorized {
        problem: "who are you".into(),
    }
}

impl TestCircuit {
    fn new() -> Self {
        Self {
            breaker: Breaker::new("VeraCore"),
            now: "2026-11-25T10:00:00Z".parse().unwrap(),
        }
    }

    fn advance(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// One call, if it may be made.
    fn call(
        &mut self,
        kind: CallKind,
        signal: CallSignal,
    ) -> Result<Option<CircuitTransition>, CallErrorKind> {
        let admission = self.breaker.admit(kind, self.now)?;
        Ok(self.breaker.record(admission, signal, self.now))
    }

    fn open(&mut self) {
        for _ in 0..FAILURE_THRESHOLD {
            self.call(CallKind::Read, failing()).unwrap();
        }
        assert!(matches!(
            self.state(),
            CircuitState::Open {
                reason: OpenReason::Down,
                ..
            }
        ));
    }

    fn state(&self) -> CircuitState {
        self.breaker.state(self.now)
    }
}

#[test]
fn it_opens_after_failures_in_a_row_and_says_so_once() {
    let mut circuit = TestCircuit::new();
    for _ in 1..FAILURE_THRESHOLD {
        assert_eq!(circuit.call(CallKind::Write, failing()), Ok(None));
    }
    let transition = circuit.call(CallKind::Write, failing()).unwrap();
    assert!(matches!(
        transition,
        Some(CircuitTransition::Opened {
            reason: OpenReason::Down,
            ..
        })
    ));
    for kind in [CallKind::Login, CallKind::Read, CallKind::Write] {
        let rejection = circuit.call(kind, CallSignal::Success).unwrap_err();
        let CallErrorKind::CircuitOpen { retry_in, .. } = rejection else {
            panic!("{rejection:?}");
        };
        assert!(retry_in <= DOWN_BACKOFF.initial, "{retry_in:?}");
    }
}

#[test]
fn an_order_that_is_stumbled_over_does_not_open_it() {
    let mut circuit = TestCircuit::new();
    for _ in 0..50 {
        circuit.call(CallKind::Read, CallSignal::Success).unwrap();
        circuit.call(CallKind::Write, failing()).unwrap();
        // That we are let in says nothing about the rest.
        circuit.call(CallKind::Login, CallSignal::Success).unwrap();
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn being_let_in_does_not_hide_that_nothing_else_works() {
    let mut circuit = TestCircuit::new();
    for _ in 0..FAILURE_THRESHOLD {
        circuit.call(CallKind::Login, CallSignal::Success).unwrap();
        circuit.call(CallKind::Read, failing()).unwrap();
    }
    assert!(matches!(circuit.state(), CircuitState::Open { .. }));
}

#[test]
fn one_read_probes_and_writes_wait_for_what_comes_of_it() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    circuit.advance(5);
    assert_eq!(
        circuit.state(),
        CircuitState::HalfOpen {
            reason: OpenReason::Down
        }
    );
    assert!(circuit.breaker.admit(CallKind::Write, circuit.now).is_err());
    let probe = circuit.breaker.admit(CallKind::Read, circuit.now).unwrap();
    assert!(circuit.breaker.admit(CallKind::Read, circuit.now).is_err());
    let transition = circuit
        .breaker
        .record(probe, CallSignal::Success, circuit.now);
    assert_eq!(transition, Some(CircuitTransition::Closed));
    assert_eq!(circuit.state(), CircuitState::Closed);
    circuit.call(CallKind::Write, CallSignal::Success).unwrap();
}

#[test]
fn probes_in_vain_come_ever_later_and_say_nothing() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let CircuitState::Open { until, .. } = circuit.state() else {
            panic!("{:?}", circuit.state());
        };
        waits.push((until - circuit.now).num_seconds());
        circuit.now = until;
        assert_eq!(circuit.call(CallKind::Read, failing()), Ok(None));
    }
    assert!(
        waits.windows(2).all(|w| w[0] <= w[1] || w[1] >= 30),
        "{waits:?}"
    );
    assert!(waits.iter().all(|wait| *wait <= 60), "{waits:?}");
    assert!(waits.contains(waits.iter().max().unwrap()) && waits[7] >= 30);
}

#[test]
fn a_dropped_probe_makes_room_for_another() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    circuit.advance(5);
    let probe = circuit.breaker.admit(CallKind::Read, circuit.now).unwrap();
    circuit.breaker.release(probe);
    assert!(circuit.breaker.admit(CallKind::Read, circuit.now).is_ok());
}

#[test]
fn what_began_before_it_opened_neither_lengthens_the_pause_nor_is_ignored_when_well() {
    let mut circuit = TestCircuit::new();
    let (late, later) = (
        circuit.breaker.admit(CallKind::Write, circuit.now).unwrap(),
        circuit.breaker.admit(CallKind::Write, circuit.now).unwrap(),
    );
    circuit.open();
    let state = circuit.state();
    assert_eq!(circuit.breaker.record(late, failing(), circuit.now), None);
    assert_eq!(circuit.state(), state);
    let transition = circuit
        .breaker
        .record(later, CallSignal::Success, circuit.now);
    assert_eq!(transition, Some(CircuitTransition::Closed));
}

#[test]
fn refused_credentials_open_it_at_once_for_longer_and_say_so_once() {
    let mut circuit = TestCircuit::new();
    let transition = circuit.call(CallKind::Login, refused()).unwrap();
    assert!(matches!(
        transition,
        Some(CircuitTransition::Opened {
            reason: OpenReason::Unauthorized,
            ..
        })
    ));
    circuit.advance(29);
    assert!(matches!(circuit.state(), CircuitState::Open { .. }));
    circuit.advance(31);
    assert_eq!(circuit.call(CallKind::Login, refused()), Ok(None));
    circuit.advance(29);
    // Not even the probe's login: the pauses grow.
    assert!(circuit.call(CallKind::Login, CallSignal::Success).is_err());
    circuit.advance(100);
    // Away as well, meanwhile: nothing new.
    assert_eq!(circuit.call(CallKind::Login, failing()), Ok(None));
    circuit.advance(900);
    circuit.call(CallKind::Login, CallSignal::Success).unwrap();
    assert_eq!(
        circuit.call(CallKind::Read, CallSignal::Success),
        Ok(Some(CircuitTransition::Closed))
    );
}

#[test]
fn it_is_left_alone_for_as_long_as_it_asks_but_not_for_days() {
    let mut circuit = TestCircuit::new();
    let throttled = |seconds: u64| CallSignal::Throttled {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let (first, second) = (
        circuit.breaker.admit(CallKind::Write, circuit.now).unwrap(),
        circuit.breaker.admit(CallKind::Read, circuit.now).unwrap(),
    );
    assert!(matches!(
        circuit.breaker.record(first, throttled(120), circuit.now),
        Some(CircuitTransition::Opened {
            reason: OpenReason::Throttled,
            ..
        })
    ));
    // A shorter pause, requested from another call, does not end the longer one.
    assert_eq!(
        circuit.breaker.record(second, throttled(1), circuit.now),
        None
    );
    circuit.advance(119);
    assert!(circuit.call(CallKind::Write, CallSignal::Success).is_err());
    circuit.advance(1);
    assert_eq!(circuit.call(CallKind::Write, CallSignal::Success), Ok(None));
    circuit.call(CallKind::Read, throttled(1_000_000)).unwrap();
    circuit.advance(3600);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    circuit.advance(-7200);
    assert_eq!(
        circuit.state(),
        CircuitState::HalfOpen {
            reason: OpenReason::Down
        }
    );
    circuit.call(CallKind::Read, CallSignal::Success).unwrap();
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[derive(Debug, Clone)]
enum Event {
    Begin(u8),
    End { which: usize, signal: u8 },
    Drop(usize),
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Event::Begin),
        4 => (any::<usize>(), 0..8_u8).prop_map(|(which, signal)| Event::End { which, signal }),
        1 => any::<usize>().prop_map(Event::Drop),
        2 => (-100..1000_i64).prop_map(Event::Pass),
    ]
}

fn signal(number: u8) -> CallSignal {
    match number {
        0 | 1 => CallSignal::Success,
        2 => CallSignal::Throttled { retry_after: None },
        3 => refused(),
        4 => CallSignal::Inconclusive,
        _ => failing(),
    }
}

proptest! {
    /// Whatever happens in whatever order, an upstream that works again is called again.
    #[test]
    fn it_never_stays_open_for_ever(history in proptest::collection::vec(event(), 0..60)) {
        let mut circuit = TestCircuit::new();
        let mut under_way = Vec::new();
        for event in history {
            let now = circuit.now;
            match event {
                Event::Begin(kind) => {
                    let kind = [CallKind::Login, CallKind::Read, CallKind::Write][usize::from(kind)];
                    under_way.extend(circuit.breaker.admit(kind, now).ok());
                }
                Event::End { which, signal: number } if !under_way.is_empty() => {
                    let call = under_way.swap_remove(which % under_way.len());
                    circuit.breaker.record(call, signal(number), now);
                }
                Event::Drop(which) if !under_way.is_empty() => {
                    let call = under_way.swap_remove(which % under_way.len());
                    circuit.breaker.release(call);
                }
                Event::Pass(seconds) => circuit.advance(seconds),
                _ => {}
            }
        }
        for call in under_way {
            circuit.breaker.release(call);
        }
        circuit.advance(3600);
        circuit.call(CallKind::Login, CallSignal::Success).unwrap();
        circuit.call(CallKind::Read, CallSignal::Success).unwrap();
        prop_assert_eq!(circuit.state(), CircuitState::Closed);
        circuit.call(CallKind::Write, CallSignal::Success).unwrap();
    }
}

#[test]
fn a_probe_that_tells_nothing_is_not_made_again_at_once() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    circuit.advance(5);
    // A maintenance page, or a token that cannot be read.
    circuit.call(CallKind::Login, CallSignal::Success).unwrap();
    circuit
        .call(CallKind::Read, CallSignal::Inconclusive)
        .unwrap();
    assert!(matches!(circuit.state(), CircuitState::HalfOpen { .. }));
    circuit.breaker.delay_next_probe(circuit.now);
    assert!(matches!(
        circuit.state(),
        CircuitState::Open {
            reason: OpenReason::Down,
            ..
        }
    ));
    circuit.advance(10);
    circuit.call(CallKind::Read, CallSignal::Success).unwrap();
    circuit.breaker.delay_next_probe(circuit.now);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn refused_and_then_overrun_by_logins_it_stays_refused() {
    let mut circuit = TestCircuit::new();
    circuit.call(CallKind::Login, refused()).unwrap();
    circuit.advance(60);
    let throttled = CallSignal::Throttled { retry_after: None };
    assert_eq!(circuit.call(CallKind::Login, throttled), Ok(None));
    assert!(matches!(
        circuit.state(),
        CircuitState::Open {
            reason: OpenReason::Unauthorized,
            ..
        }
    ));
}

#[test]
fn one_burst_of_refusals_is_one_refusal() {
    let mut circuit = TestCircuit::new();
    let calls: Vec<Admission> = (0..4)
        .map(|_| circuit.breaker.admit(CallKind::Read, circuit.now).unwrap())
        .collect();
    for call in calls {
        circuit.breaker.record(call, refused(), circuit.now);
    }
    circuit.advance(60);
    assert_eq!(
        circuit.state(),
        CircuitState::HalfOpen {
            reason: OpenReason::Unauthorized
        }
    );
}

#[test]
fn a_write_that_is_known_by_its_id_may_probe_and_another_may_not() {
    let mut circuit = TestCircuit::new();
    circuit.open();
    circuit.advance(60);
    assert!(circuit.call(CallKind::Write, CallSignal::Success).is_err());
    let transition = circuit
        .call(CallKind::IdempotentWrite, CallSignal::Success)
        .unwrap();
    assert_eq!(transition, Some(CircuitTransition::Closed));
}
