//! The crash matrix of the three flows, in each VeraCore style, with several crashes per history to
//! save time. `crash` tests what follows the flows: events, notes, maintenance.

use std::collections::BTreeSet;

use super::crash::{History, PlannedCrash, empty_log};

/// The crash points that each command of the flows passes.
pub(super) async fn passed_by_command() -> Vec<BTreeSet<String>> {
    let log = empty_log();
    let mut history = History::begin(vec![], Some(log.clone())).await;
    history.flows().await;
    let passed = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let mut lines = passed.lines();
    let mut before = 0;
    let by_command = history.logged.iter().map(|&count| {
        let its = lines.by_ref().take(count - before);
        before = count;
        its.map(str::to_owned).collect()
    });
    let by_command = by_command.collect();
    history.world.assert_settled().await;
    by_command
}

/// Distributes the points over as few histories as possible: each command crashes at most once per
/// history, because after a second crash it might have nothing left to do.
fn histories(mut by_command: Vec<BTreeSet<String>>) -> Vec<Vec<PlannedCrash>> {
    let mut histories = Vec::new();
    loop {
        let mut crashes = Vec::new();
        for command in 0..by_command.len() {
            let Some(point) = by_command[command].first().cloned() else {
                continue;
            };
            for points in &mut by_command {
                points.remove(&point);
            }
            crashes.push(PlannedCrash {
                point,
                command: Some(command),
            });
        }
        if crashes.is_empty() {
            return histories;
        }
        histories.push(crashes);
    }
}

/// One shard of the histories.
async fn die_again_and_again(shard: usize, of: usize) {
    let histories = histories(passed_by_command().await);
    for crashes in histories.into_iter().skip(shard).step_by(of) {
        History::begin(crashes, None).await.run().await;
    }
}

#[tokio::test]
async fn crashes_in_each_flow_are_recovered_0() {
    die_again_and_again(0, 2).await;
}

#[tokio::test]
async fn crashes_in_each_flow_are_recovered_1() {
    die_again_and_again(1, 2).await;
}
