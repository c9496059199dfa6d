//! Histories drawn by chance from a seed: orders, edits, cancellations, shipments and restocks;
//! lost, late and repeated requests, lost answers, deaths; up to three replicas that come between
//! each other; clocks that jump. The services are the real ones, and so is the ledger; the ends are
//! models. What must always hold (I1 to I6) is looked at after each step and again at rest.
//!
//! `SIMULATION_SEEDS` and `SIMULATION_FROM` choose the seeds; `scripts/simulate` sets them. A failure
//! tells its seed and the shortest history that still fails.

mod ends;
mod history;
mod replica;
mod wire;
mod world;

use std::sync::Arc;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use self::history::{History, Step, steps};
use crate::harness::{LedgerWorld, World};

/// Seeds of one test, unless told otherwise.
const SEEDS: u64 = 100;

/// So often a failing history is shortened.
const SHORTENED: u32 = 400;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own knobs, which scripts/simulate sets"
)]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// A history, or what went wrong in it.
fn live(runtime: &Runtime, world: &LedgerWorld, steps: &[Step]) -> Result<(), TestCaseError> {
    runtime.block_on(async {
        let mut history = History::begin(world).await;
        for (at, step) in steps.iter().enumerate() {
            history
                .step(step)
                .await
                .map_err(|problem| TestCaseError::fail(format!("at step {at}: {problem}")))?;
        }
        let rested = history.rest().await;
        rested.map_err(|problem| TestCaseError::fail(format!("at rest: {problem}")))
    })
}

/// Every third seed, beginning with `first`.
fn simulate(first: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::ledger_only("simulation"));
    let from = number("SIMULATION_FROM", 0);
    let seeds = number("SIMULATION_SEEDS", 3 * SEEDS);
    for seed in (from..from + seeds).filter(|seed| seed % 3 == first) {
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: SHORTENED,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, rng(seed));
        match runner.run(&steps(), |steps| live(&runtime, &world, &steps)) {
            Ok(()) => {}
            Err(TestError::Fail(reason, shortest)) => {
                let steps: String = shortest
                    .iter()
                    .map(|step| format!("  {step:?}\n"))
                    .collect();
                panic!("seed {seed}: {reason}\nthe shortest history:\n{steps}");
            }
            Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
        }
    }
    let world = Arc::new(world);
    runtime.block_on(async { Arc::into_inner(world).unwrap().assert_settled().await });
}

#[test]
fn whatever_happens_nothing_is_lost_twice_or_oversold_0() {
    simulate(0);
}

#[test]
fn whatever_happens_nothing_is_lost_twice_or_oversold_1() {
    simulate(1);
}

#[test]
fn whatever_happens_nothing_is_lost_twice_or_oversold_2() {
    simulate(2);
}
