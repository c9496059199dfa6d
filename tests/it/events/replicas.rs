//! Deliveries by several replicas: leases, crashes, clocks.

use tokio::task::JoinSet;
use veracore_sync::clock::Clock as _;
use wiremock::ResponseTemplate;

use super::*;

#[tokio::test]
async fn three_replicas_deliver_each_event_once_and_in_order() {
    let world = with_receiver("three").await;
    let receiver = Receiver::start().await;
    for round in 0..4 {
        for id in 1..=10 {
            fails(&world.ledger, id, 1).await;
            if round == 0 {
                let data = json!({ "upstream": format!("U{id}") });
                raise(&world.pool, world.clock.now(), "upstream.down", &data).await;
            }
        }
    }
    receiver.respond_with(|_, _| ResponseTemplate::new(200).set_delay(Duration::from_millis(5)));
    let mut replicas = JoinSet::new();
    for _ in 0..3 {
        let delivering = delivering(&world, &receiver);
        replicas.spawn(async move {
            let mut idle = 0;
            while idle < 20 {
                let claimed = delivering.lease_due(2).await.unwrap();
                idle = if claimed.is_empty() { idle + 1 } else { 0 };
                for event in claimed {
                    delivering.deliver(&event).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    replicas.join_all().await;
    let all = receiver.all();
    assert_eq!(all.len(), 50);
    let ids: std::collections::BTreeSet<String> = all
        .iter()
        .map(|(event, _)| event["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 50, "no event was delivered twice");
    let seq: Vec<(String, i64)> = sqlx::query_as("select id::text, seq from veracore_event")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let seq: std::collections::BTreeMap<String, i64> = seq.into_iter().collect();
    for id in 1..=10 {
        let taken = receiver.accepted();
        let came: Vec<i64> = of_order(&taken, id)
            .iter()
            .map(|event| seq[event["id"].as_str().unwrap()])
            .collect();
        assert_eq!(came.len(), 4);
        assert!(came.is_sorted(), "{came:?}");
    }
    world.assert_settled().await;
}

/// After a crash between the response and its record, another replica delivers the event again, with
/// the same id, so that the receiver can detect the duplicate.
#[tokio::test]
async fn after_a_crash_before_the_record_the_same_event_is_delivered_again() {
    let world = with_receiver("death").await;
    let receiver = Receiver::start().await;
    fails(&world.ledger, 1, 2).await;
    let victim = delivering(&world, &receiver);
    let claimed = victim.lease_due(4).await.unwrap();
    assert_eq!(claimed.len(), 1, "the second one waits for the first");
    // The ledger is closed when the response arrives, as after a crash.
    let away = delivering(&world, &receiver);
    let lock = "alter table veracore_event rename to veracore_event_gone";
    sqlx::raw_sql(lock).execute(&world.pool).await.unwrap();
    assert!(away.deliver(&claimed[0]).await.is_err());
    let unlock = "alter table veracore_event_gone rename to veracore_event";
    sqlx::raw_sql(unlock).execute(&world.pool).await.unwrap();
    drop(victim);

    let other = delivering(&world, &receiver);
    assert_eq!(
        deliver(&other).await,
        [],
        "the crashed replica still has its lease"
    );
    world.clock.advance(TimeDelta::minutes(3));
    assert_eq!(deliver(&other).await.len(), 2);
    let taken = receiver.accepted();
    assert_eq!(taken[0], taken[1]);
    assert_eq!(taken.len(), 3);
    assert_ne!(taken[1]["id"], taken[2]["id"]);
    // A delivery is recorded even without the lease, a failure only with it.
    let event = &claimed[0];
    assert!(
        !world
            .ledger
            .record_delivery_outcome(event, &DeliveryOutcome::Delivered)
            .await
            .unwrap()
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_failure_is_not_recorded_without_the_lease() {
    let world = with_receiver("late").await;
    let receiver = Receiver::start().await;
    fails(&world.ledger, 1, 1).await;
    let slow = delivering(&world, &receiver)
        .lease_due(1)
        .await
        .unwrap()
        .remove(0);
    world.clock.advance(TimeDelta::minutes(3));
    let other = delivering(&world, &receiver)
        .lease_due(1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(slow.id, other.id);
    let again = DeliveryOutcome::Retry {
        at: world.clock.now(),
        problem: "HTTP 500".into(),
        counted: true,
    };
    let record = async |event, delivery| {
        world
            .ledger
            .record_delivery_outcome(event, &delivery)
            .await
            .unwrap()
    };
    assert!(!record(&slow, again.clone()).await);
    assert!(record(&slow, DeliveryOutcome::Delivered).await);
    assert!(!record(&other, again).await);
    assert_eq!(count(&world, EventState::Delivered).await, 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_clock_set_back_does_not_delay_events() {
    let world = with_receiver("set_back").await;
    let receiver = Receiver::start().await;
    fails(&world.ledger, 1, 1).await;
    delivering(&world, &receiver).lease_due(1).await.unwrap();
    world.clock.advance(TimeDelta::days(-2));
    assert_eq!(
        deliver(&delivering(&world, &receiver)).await,
        [DeliveryOutcome::Delivered]
    );
    world.assert_settled().await;
}
