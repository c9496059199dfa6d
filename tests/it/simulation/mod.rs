//! Randomized simulations: orders, edits, cancellations, shipments and restocks; lost, late and
//! repeated requests, lost responses, crashes; up to three interleaved replicas; clock jumps.
//!
//! The services and the ledger are real; the shop and the warehouse are models. The invariants I1 to
//! I6 are checked after each step and at the end.
//!
//! `SIMULATION_SEEDS` and `SIMULATION_FROM` select the seeds; `scripts/simulate` sets them. A failure
//! prints its seed and the shortest history that fails.

mod history;
mod replica;
mod upstreams;
mod wire;
mod world;

use std::sync::Arc;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use self::history::{History, Step, steps};
use crate::harness::{LedgerWorld, World};

/// The default number of seeds per test.
const SEEDS: u64 = 100;

/// Attempts to shorten a failing history.
const MAX_SHRINK_STEPS: u32 = 400;

#[expect(
    clippy::disallowed_methods,
    reason = "settings of the test, which scripts/simulate sets"
)]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// Runs a history; the error is the violated invariant.
fn run_history(
    runtime: &Runtime,
    world: &LedgerWorld,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    runtime.block_on(async {
        let mut history = History::begin(world).await;
        for (at, step) in steps.iter().enumerate() {
            history
                .step(step)
                .await
                .map_err(|problem| TestCaseError::fail(format!("at step {at}: {problem}")))?;
        }
        let settled = history.settle().await;
        settled.map_err(|problem| TestCaseError::fail(format!("at the end: {problem}")))
    })
}

/// Runs every third seed, starting with `first`.
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
            max_shrink_iters: MAX_SHRINK_STEPS,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, rng(seed));
        match runner.run(&steps(), |steps| run_history(&runtime, &world, &steps)) {
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
fn no_history_loses_duplicates_or_oversells_0() {
    simulate(0);
}

#[test]
fn no_history_loses_duplicates_or_oversells_1() {
    simulate(1);
}

#[test]
fn no_history_loses_duplicates_or_oversells_2() {
    simulate(2);
}
