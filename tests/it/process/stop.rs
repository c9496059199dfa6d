//! SIGTERM (I11): work in progress is finished, nothing new is started, and the exit status is 0.

use std::time::Duration;

use tokio::time::Instant;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, Work},
};

use crate::harness::{World, until};

#[tokio::test]
async fn sigterm_leaves_nothing_half_done() {
    let world = World::named("sigterm").real_time().build().await;
    let slow = FaultKind::Delay {
        milliseconds: 500,
        work: Work::After,
    };
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", slow).method("POST"));
    let paid = world.pay_orders(16).await;
    // So long that no send times out, even on a busy machine.
    let daemon = world.daemon().with("VERACORE_TIMEOUT_SECONDS", "10");
    let mut daemon = daemon.start().await;
    let sends = || {
        let requests = world.sandbox.requests();
        let posts = requests
            .iter()
            .filter(|r| r.method == "POST" && r.path == "/api/orders");
        let (done, going_on): (Vec<_>, Vec<_>) = posts.partition(|r| r.status.is_some());
        (done.len(), going_on.len())
    };
    until("sends are under way", || async {
        let (done, going_on) = sends();
        (done > 0 && going_on > 0).then_some(())
    })
    .await;
    let terminated_at = Instant::now();
    daemon.terminate();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), Some(0), "{}", daemon.stderr());
    assert!(terminated_at.elapsed() < Duration::from_secs(30));
    assert!(
        daemon
            .lines()
            .iter()
            .any(|line| line["message"] == "stopped")
    );

    let counts = world.ledger.count_by_status().await.unwrap();
    let sent = counts[&SyncStatus::Success];
    assert!(sent < 16, "work was started after the signal");
    assert_eq!(counts[&SyncStatus::Pending], 16 - sent, "{counts:?}");
    assert_eq!(sends(), (usize::try_from(sent).unwrap(), 0));

    world.sandbox.clear_faults();
    let daemon = world.daemon().start().await;
    until("the rest arrives", || async {
        let counts = world.ledger.count_by_status().await.unwrap();
        (counts[&SyncStatus::Success] == 16).then_some(())
    })
    .await;
    daemon.stop().await;
    assert_eq!(world.sandbox.orders().len(), paid.len());
    world.assert_settled().await;
}

#[tokio::test]
async fn sigterm_stops_a_daemon_that_waits_for_the_shop() {
    let mut world = World::named("waiting").real_time().build().await;
    world.expect_error("Vendure does not answer as it should; retrying until it succeeds");
    let unreachable = "http://127.0.0.1:1/admin-api";
    let mut daemon = world.daemon().with("VENDURE_API_URL", unreachable).spawn();
    daemon
        .wait_for("Vendure does not answer as it should; retrying until it succeeds")
        .await;
    daemon.stop().await;
    world.assert_settled().await;
}
