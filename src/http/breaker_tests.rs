//! The breaker, under a clock of the test's.

use proptest::prelude::*;

use super::*;

struct Circuit {
    breaker: Breaker,
    now: DateTime<Utc>,
}

fn failing() -> Sign {
    Sign::Failing {
        problem: "HTTP 503".into(),
        retry_after: None,
    }
}

fn refused() -> Sign {
    Sign::Refused {
        problem: "who are you".into(),
    }
}

impl Circuit {
    fn new() -> Self {
        Self {
            breaker: Breaker::new("VeraCore"),
            now: "2026-11-25T10:00:00Z".parse().unwrap(),
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// One call, if it may be made.
    fn call(&mut self, effect: Effect, sign: Sign) -> Result<Option<Turn>, Refusal> {
        let admission = self.breaker.admit(effect, self.now)?;
        Ok(self.breaker.note(admission, sign, self.now))
    }

    fn opened(&mut self) {
        for _ in 0..FAILURES {
            self.call(Effect::Read, failing()).unwrap();
        }
        assert!(matches!(
            self.state(),
            CircuitState::Open { why: Why::Down, .. }
        ));
    }

    fn state(&self) -> CircuitState {
        self.breaker.state(self.now)
    }
}

#[test]
fn it_opens_after_failures_in_a_row_and_says_so_once() {
    let mut circuit = Circuit::new();
    for _ in 1..FAILURES {
        assert_eq!(circuit.call(Effect::Write, failing()), Ok(None));
    }
    let turn = circuit.call(Effect::Write, failing()).unwrap();
    assert!(matches!(turn, Some(Turn::Opened { why: Why::Down, .. })));
    for effect in [Effect::Enter, Effect::Read, Effect::Write] {
        let refusal = circuit.call(effect, Sign::Well).unwrap_err();
        assert!(refusal.wait <= DOWN.initial, "{refusal:?}");
    }
}

#[test]
fn an_order_that_is_stumbled_over_does_not_open_it() {
    let mut circuit = Circuit::new();
    for _ in 0..50 {
        circuit.call(Effect::Read, Sign::Well).unwrap();
        circuit.call(Effect::Write, failing()).unwrap();
        // That we are let in says nothing about the rest.
        circuit.call(Effect::Enter, Sign::Well).unwrap();
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn being_let_in_does_not_hide_that_nothing_else_works() {
    let mut circuit = Circuit::new();
    for _ in 0..FAILURES {
        circuit.call(Effect::Enter, Sign::Well).unwrap();
        circuit.call(Effect::Read, failing()).unwrap();
    }
    assert!(matches!(circuit.state(), CircuitState::Open { .. }));
}

#[test]
fn one_read_probes_and_writes_wait_for_what_comes_of_it() {
    let mut circuit = Circuit::new();
    circuit.opened();
    circuit.pass(5);
    assert_eq!(circuit.state(), CircuitState::HalfOpen { why: Why::Down });
    assert!(circuit.breaker.admit(Effect::Write, circuit.now).is_err());
    let probe = circuit.breaker.admit(Effect::Read, circuit.now).unwrap();
    assert!(circuit.breaker.admit(Effect::Read, circuit.now).is_err());
    let turn = circuit.breaker.note(probe, Sign::Well, circuit.now);
    assert_eq!(turn, Some(Turn::Closed));
    assert_eq!(circuit.state(), CircuitState::Closed);
    circuit.call(Effect::Write, Sign::Well).unwrap();
}

#[test]
fn probes_in_vain_come_ever_later_and_say_nothing() {
    let mut circuit = Circuit::new();
    circuit.opened();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let CircuitState::Open { until, .. } = circuit.state() else {
            panic!("{:?}", circuit.state());
        };
        waits.push((until - circuit.now).num_seconds());
        circuit.now = until;
        assert_eq!(circuit.call(Effect::Read, failing()), Ok(None));
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
    let mut circuit = Circuit::new();
    circuit.opened();
    circuit.pass(5);
    let probe = circuit.breaker.admit(Effect::Read, circuit.now).unwrap();
    circuit.breaker.forget(probe);
    assert!(circuit.breaker.admit(Effect::Read, circuit.now).is_ok());
}

#[test]
fn what_began_before_it_opened_neither_lengthens_the_pause_nor_is_ignored_when_well() {
    let mut circuit = Circuit::new();
    let (late, later) = (
        circuit.breaker.admit(Effect::Write, circuit.now).unwrap(),
        circuit.breaker.admit(Effect::Write, circuit.now).unwrap(),
    );
    circuit.opened();
    let state = circuit.state();
    assert_eq!(circuit.breaker.note(late, failing(), circuit.now), None);
    assert_eq!(circuit.state(), state);
    let turn = circuit.breaker.note(later, Sign::Well, circuit.now);
    assert_eq!(turn, Some(Turn::Closed));
}

#[test]
fn refused_credentials_open_it_at_once_for_longer_and_say_so_once() {
    let mut circuit = Circuit::new();
    let turn = circuit.call(Effect::Enter, refused()).unwrap();
    assert!(matches!(
        turn,
        Some(Turn::Opened {
            why: Why::Refused,
            ..
        })
    ));
    circuit.pass(29);
    assert!(matches!(circuit.state(), CircuitState::Open { .. }));
    circuit.pass(31);
    assert_eq!(circuit.call(Effect::Enter, refused()), Ok(None));
    circuit.pass(29);
    // Not even the probe's login: the pauses grow.
    assert!(circuit.call(Effect::Enter, Sign::Well).is_err());
    circuit.pass(100);
    // Away as well, meanwhile: nothing new.
    assert_eq!(circuit.call(Effect::Enter, failing()), Ok(None));
    circuit.pass(900);
    circuit.call(Effect::Enter, Sign::Well).unwrap();
    assert_eq!(
        circuit.call(Effect::Read, Sign::Well),
        Ok(Some(Turn::Closed))
    );
}

#[test]
fn it_is_left_alone_for_as_long_as_it_asks_but_not_for_days() {
    let mut circuit = Circuit::new();
    let throttled = |seconds: u64| Sign::Throttled {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let (first, second) = (
        circuit.breaker.admit(Effect::Write, circuit.now).unwrap(),
        circuit.breaker.admit(Effect::Read, circuit.now).unwrap(),
    );
    assert!(matches!(
        circuit.breaker.note(first, throttled(120), circuit.now),
        Some(Turn::Opened {
            why: Why::Throttled,
            ..
        })
    ));
    // A shorter pause that another call was told does not end the longer one.
    assert_eq!(
        circuit.breaker.note(second, throttled(1), circuit.now),
        None
    );
    circuit.pass(119);
    assert!(circuit.call(Effect::Write, Sign::Well).is_err());
    circuit.pass(1);
    assert_eq!(circuit.call(Effect::Write, Sign::Well), Ok(None));
    circuit.call(Effect::Read, throttled(1_000_000)).unwrap();
    circuit.pass(3600);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    let mut circuit = Circuit::new();
    circuit.opened();
    circuit.pass(-7200);
    assert_eq!(circuit.state(), CircuitState::HalfOpen { why: Why::Down });
    circuit.call(Effect::Read, Sign::Well).unwrap();
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[derive(Debug, Clone)]
enum Event {
    Begin(u8),
    End { which: usize, sign: u8 },
    Drop(usize),
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Event::Begin),
        4 => (any::<usize>(), 0..8_u8).prop_map(|(which, sign)| Event::End { which, sign }),
        1 => any::<usize>().prop_map(Event::Drop),
        2 => (-100..1000_i64).prop_map(Event::Pass),
    ]
}

fn sign(number: u8) -> Sign {
    match number {
        0 | 1 => Sign::Well,
        2 => Sign::Throttled { retry_after: None },
        3 => refused(),
        4 => Sign::Nothing,
        _ => failing(),
    }
}

proptest! {
    /// Whatever happens in whatever order, an upstream that works again is called again.
    #[test]
    fn it_never_stays_open_for_ever(history in proptest::collection::vec(event(), 0..60)) {
        let mut circuit = Circuit::new();
        let mut under_way = Vec::new();
        for event in history {
            let now = circuit.now;
            match event {
                Event::Begin(effect) => {
                    let effect = [Effect::Enter, Effect::Read, Effect::Write][usize::from(effect)];
                    under_way.extend(circuit.breaker.admit(effect, now).ok());
                }
                Event::End { which, sign: number } if !under_way.is_empty() => {
                    let call = under_way.swap_remove(which % under_way.len());
                    circuit.breaker.note(call, sign(number), now);
                }
                Event::Drop(which) if !under_way.is_empty() => {
                    let call = under_way.swap_remove(which % under_way.len());
                    circuit.breaker.forget(call);
                }
                Event::Pass(seconds) => circuit.pass(seconds),
                _ => {}
            }
        }
        for call in under_way {
            circuit.breaker.forget(call);
        }
        circuit.pass(3600);
        circuit.call(Effect::Enter, Sign::Well).unwrap();
        circuit.call(Effect::Read, Sign::Well).unwrap();
        prop_assert_eq!(circuit.state(), CircuitState::Closed);
        circuit.call(Effect::Write, Sign::Well).unwrap();
    }
}

#[test]
fn a_probe_that_tells_nothing_is_not_made_again_at_once() {
    let mut circuit = Circuit::new();
    circuit.opened();
    circuit.pass(5);
    // A maintenance page, or a token that cannot be read.
    circuit.call(Effect::Enter, Sign::Well).unwrap();
    circuit.call(Effect::Read, Sign::Nothing).unwrap();
    assert!(matches!(circuit.state(), CircuitState::HalfOpen { .. }));
    circuit.breaker.probe_again_later(circuit.now);
    assert!(matches!(
        circuit.state(),
        CircuitState::Open { why: Why::Down, .. }
    ));
    circuit.pass(10);
    circuit.call(Effect::Read, Sign::Well).unwrap();
    circuit.breaker.probe_again_later(circuit.now);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn refused_and_then_overrun_by_logins_it_stays_refused() {
    let mut circuit = Circuit::new();
    circuit.call(Effect::Enter, refused()).unwrap();
    circuit.pass(60);
    let throttled = Sign::Throttled { retry_after: None };
    assert_eq!(circuit.call(Effect::Enter, throttled), Ok(None));
    assert!(matches!(
        circuit.state(),
        CircuitState::Open {
            why: Why::Refused,
            ..
        }
    ));
}

#[test]
fn one_burst_of_refusals_is_one_refusal() {
    let mut circuit = Circuit::new();
    let calls: Vec<Admission> = (0..4)
        .map(|_| circuit.breaker.admit(Effect::Read, circuit.now).unwrap())
        .collect();
    for call in calls {
        circuit.breaker.note(call, refused(), circuit.now);
    }
    circuit.pass(60);
    assert_eq!(
        circuit.state(),
        CircuitState::HalfOpen { why: Why::Refused }
    );
}

#[test]
fn a_write_that_is_known_by_its_id_may_probe_and_another_may_not() {
    let mut circuit = Circuit::new();
    circuit.opened();
    circuit.pass(60);
    assert!(circuit.call(Effect::Write, Sign::Well).is_err());
    let turn = circuit.call(Effect::Post, Sign::Well).unwrap();
    assert_eq!(turn, Some(Turn::Closed));
}
