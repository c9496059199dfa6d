//! The circuit breaker (I12): which calls are made while it is closed, open and half-open.

use chrono::TimeDelta;
use serde_json::json;
use veracore_sync::{
    domain::{OrderCode, SyncStatus},
    http::{CircuitState, OpenReason},
    sandbox::{Fault, FaultKind},
};

use super::{on_look_ups, on_sends};
use crate::harness::{REQUIRED_PERMISSIONS, Style, World, sends_of};

fn status(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        body: json!({ "message": "no" }),
        headers: Default::default(),
        done: false,
    }
}

#[tokio::test]
async fn an_unavailable_upstream_gets_only_one_probe_at_a_time() {
    let mut world = World::named("left_alone").build().await;
    world.expect_error("VeraCore is unavailable");
    // Four at a time may wait for one token and share its failure, which counts once: six failures at
    // least, and five open the circuit.
    let paid = world.pay_orders(24).await;
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    let mut service = world.service();
    service.sweep().await;
    service.work().await;
    assert!(matches!(
        service.upstreams.warehouse_circuit.state(),
        CircuitState::Open {
            reason: OpenReason::Down,
            ..
        }
    ));
    let asked = world.sandbox.requests().len();
    assert!(asked < 12, "{asked} calls before it was left alone");
    // While the circuit is open, nothing is called, and orders are unchanged.
    for _ in 0..5 {
        service.work().await;
    }
    assert_eq!(world.sandbox.requests().len(), asked);
    // A minute later, one read is allowed.
    world.advance(TimeDelta::minutes(1));
    assert!(matches!(
        service.upstreams.warehouse_circuit.state(),
        CircuitState::HalfOpen { .. }
    ));
    service.work().await;
    let probes = world.sandbox.requests().len() - asked;
    assert!(probes <= 1, "{probes} probes");
    world.sandbox.clear_faults();
    service.settle().await;
    assert_eq!(
        service.upstreams.warehouse_circuit.state(),
        CircuitState::Closed
    );
    world.assert_sent_without_retries(&paid).await;
    for order in &paid {
        assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn refused_credentials_stop_all_calls_until_a_probe_succeeds() {
    let mut world = World::named("not_let_in").build().await;
    world.expect_error("VeraCore refuses our credentials");
    let paid = world.pay_orders(6).await;
    world.sandbox.add_fault(Style::current().login_refused());
    let mut service = world.service();
    let probe = OrderCode::parse("PROBE").unwrap();
    service.sweep().await;
    // Twenty minutes, second by second: only an occasional login, so that no account gets locked.
    for _ in 0..20 * 60 {
        if service.upstreams.are_available() {
            service.work().await;
        } else if service.upstreams.warehouse_circuit.state()
            == (CircuitState::HalfOpen {
                reason: OpenReason::Unauthorized,
            })
        {
            let _ = service.provider.find_order(&probe).await;
        }
        world.advance(TimeDelta::seconds(1));
    }
    let asked = world.sandbox.requests().len();
    assert!((3..=8).contains(&asked), "{asked} logins");
    let errors = world.log_lines().into_iter().filter(|line| {
        line["level"] == "ERROR"
            && line["message"]
                .as_str()
                .unwrap()
                .contains("VeraCore refuses our credentials")
    });
    assert_eq!(errors.count(), 1);
    world.sandbox.clear_faults();
    world.advance(TimeDelta::minutes(16));
    service.provider.find_order(&probe).await.unwrap();
    assert!(service.upstreams.are_available());
    service.settle().await;
    world.assert_sent_without_retries(&paid).await;
    world.assert_settled().await;
}

#[tokio::test]
async fn rate_limiting_pauses_all_calls_until_retry_after() {
    for as_date in [false, true] {
        let world = World::named("pause").build().await;
        let limited = FaultKind::RateLimited {
            retry_after: 90,
            as_date,
        };
        let fault = on_sends(limited);
        world.sandbox.add_fault(fault.times(1));
        let paid = world.pay_orders(8).await;
        let mut service = world.service_with(|settings| settings.concurrency = 1);
        service.sweep().await;
        service.work().await;
        let asked = world.sandbox.requests().len();
        assert_eq!(asked, 3, "a token, a lookup, and the rate-limited call");
        world.advance(TimeDelta::seconds(88));
        service.work().await;
        assert_eq!(world.sandbox.requests().len(), asked);
        world.advance(TimeDelta::seconds(2));
        service.settle().await;
        world.assert_sent_without_retries(&paid).await;
        world.assert_settled().await;
    }
}

/// In-call retries: reads at most twice, writes never.
#[tokio::test]
async fn reads_are_retried_in_call_and_writes_are_not() {
    let world = World::named("in_call").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.sandbox.add_fault(on_look_ups(status(503)).times(1));
    let mut service = world.service();
    service.sweep().await;
    assert_eq!(service.work().await, [SyncStatus::Success]);
    assert_eq!(world.attempts(&order.code).await.len(), 1, "only the send");
    let reads = |path: &str| {
        let all = world.sandbox.requests();
        all.iter().filter(|r| r.path.ends_with(path)).count()
    };
    assert_eq!(reads("/status"), 2);

    let order = world.pay_order(&[("A-1", 1)]).await;
    let fault = on_sends(FaultKind::DropRequest);
    world.sandbox.add_fault(fault.times(1));
    service.sweep().await;
    assert_eq!(service.work().await, [SyncStatus::InDoubt]);
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 2);

    // A read that keeps failing takes no longer than the timeout of one call.
    world
        .sandbox
        .add_fault(Fault::on("/api/inventory", status(502)));
    let began = tokio::time::Instant::now();
    service.provider.inventory_page(None).await.unwrap_err();
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
    let tries = reads("/inventory");
    assert!((2..=3).contains(&tries), "{tries} tries");
    world.assert_settled().await;
}

/// VeraCore answers every read but accepts no order, so the circuit stays closed. No order runs out of
/// attempts.
#[tokio::test]
async fn an_outage_of_sends_alone_uses_up_no_attempts() {
    let world = World::named("sends_only").build().await;
    let fault = on_sends(status(500));
    world.sandbox.add_fault(fault);
    let paid = world.pay_orders(8).await;
    let mut service = world.service_with(|settings| settings.max_attempts = 4);
    service.sweep().await;
    for _ in 0..60 {
        service.work().await;
        world.advance(TimeDelta::minutes(2));
    }
    for order in &paid {
        let record = world.record(&order.code).await.unwrap();
        assert_ne!(record.sync_status, SyncStatus::Error, "{record:?}");
    }
    world.sandbox.clear_faults();
    service.settle().await;
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    world.assert_settled().await;
}

/// A user without its role: one ERROR line and no more calls, until the role is back.
#[tokio::test]
async fn a_user_without_permission_stops_the_calls_to_the_shop() {
    let mut world = World::named("role_gone").build().await;
    world.expect_error("Vendure refuses our credentials");
    let mut service = world.service();
    service.sweep().await;
    world.shop.allow(&["ReadCatalog"]).await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    service
        .orders
        .poll_newest(&mut service.discovery)
        .await
        .unwrap_err();
    assert!(matches!(
        service.upstreams.shop_circuit.state(),
        CircuitState::Open {
            reason: OpenReason::Unauthorized,
            ..
        }
    ));
    // The probe fails, too, and the next one comes later.
    world.advance(TimeDelta::minutes(1));
    service
        .orders
        .poll_newest(&mut service.discovery)
        .await
        .unwrap_err();
    world.advance(TimeDelta::seconds(55));
    assert!(!service.upstreams.are_available());
    world.shop.allow(&REQUIRED_PERMISSIONS).await;
    world.advance(TimeDelta::minutes(15));
    service.poll().await;
    assert!(service.upstreams.are_available());
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}
