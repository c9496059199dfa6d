//! Deliveries: retried until 2xx, in order, and finally given up.

use veracore_sync::clock::Clock as _;
use wiremock::ResponseTemplate;

use super::*;

#[tokio::test]
async fn an_event_is_delivered_complete_and_signed() {
    let world = with_receiver("told_whole").await;
    let receiver = Receiver::start().await;
    let order = claimed(&world.ledger, 7).await;
    world
        .ledger
        .finish_order(&order, None, &accepted("VC-7"))
        .await
        .unwrap();
    let done = deliver(&delivering(&world, &receiver)).await;
    assert_eq!(done, [DeliveryOutcome::Delivered]);
    let event = world.ledger.events(None, 1).await.unwrap().pop().unwrap();
    assert_eq!((event.state, event.tries), (EventState::Delivered, 1));
    let expected = json!({
        "id": event.id, "type": "order.accepted",
        "occurredAt": event.occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "data": { "order": "ORDER-7", "vendureOrderId": "7", "veracoreOrderId": "VC-7" },
    });
    // The receiver accepts only correct signatures.
    assert_eq!(receiver.accepted(), [expected]);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_refused_event_delays_only_its_own_order() {
    let world = with_receiver("in_order").await;
    let receiver = Receiver::start().await;
    for id in [1, 2, 1, 2, 1] {
        fails(&world.ledger, id, 1).await;
    }
    raise(
        &world.pool,
        world.clock.now(),
        "inventory.completed",
        &json!({ "run": 1 }),
    )
    .await;
    receiver.respond_with(|event, _| {
        let first = event["data"]["order"] == json!("ORDER-1");
        ResponseTemplate::new(if first { 422 } else { 200 })
    });
    let delivering = delivering(&world, &receiver);
    deliver(&delivering).await;
    assert_eq!(of_order(&receiver.accepted(), 2).len(), 2);
    assert_eq!(receiver.accepted().len(), 3);
    let tried: Vec<_> = receiver
        .all()
        .into_iter()
        .filter(|(_, status)| *status == 422)
        .collect();
    assert_eq!(tried.len(), 1, "the later ones wait");
    receiver.respond_with_status(200);
    deliver_all(&world, &delivering).await;
    let taken = receiver.accepted();
    let times = of_order(&taken, 1);
    assert_eq!(times.len(), 3);
    let recorded = world.ledger.events(None, 100).await.unwrap();
    for id in [1, 2] {
        let mut expected: Vec<Value> = recorded
            .iter()
            .filter(|event| event.data["order"] == json!(code(id)))
            .map(|event| json!(event.id))
            .collect();
        expected.reverse();
        let came: Vec<Value> = of_order(&taken, id)
            .iter()
            .map(|event| event["id"].clone())
            .collect();
        assert_eq!(came, expected);
    }
    world.assert_settled().await;
}

/// 500, a timeout, garbage, an endless response, a redirect, 410, then no connection.
#[tokio::test]
async fn a_failing_receiver_gets_the_same_event_until_it_accepts_it() {
    let world = with_receiver("trouble").await;
    let receiver = Receiver::start().await;
    fails(&world.ledger, 1, 1).await;
    receiver.respond_with(|_, before| match before {
        0 => ResponseTemplate::new(500),
        1 => ResponseTemplate::new(200).set_delay(WAIT_LIMIT * 3),
        2 => ResponseTemplate::new(502).set_body_string("\u{0}<html>no JSON"),
        3 => ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 3 << 20]),
        4 => ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
        5 => ResponseTemplate::new(410),
        6 => ResponseTemplate::new(429).insert_header("retry-after", "7200"),
        _ => ResponseTemplate::new(200).set_body_string("}{ whatever"),
    });
    deliver_all(&world, &delivering(&world, &receiver)).await;
    let all = receiver.all();
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|(event, _)| *event == all[0].0), "{all:?}");
    let event = world.ledger.events(None, 1).await.unwrap().pop().unwrap();
    assert_eq!(
        (event.state, event.tries, event.problem),
        (EventState::Delivered, 8, None)
    );
    world.assert_settled().await;
}

/// During an outage of the receiver there are few attempts, and no event is given up.
#[tokio::test]
async fn an_unavailable_receiver_gets_all_events_when_it_is_back() {
    let world = with_receiver("away").await;
    let receiver = Receiver::start().await;
    for id in 1..=30 {
        fails(&world.ledger, id, 1).await;
    }
    receiver.respond_with_status(503);
    let delivering = delivering(&world, &receiver);
    for _ in 0..60 {
        deliver(&delivering).await;
        world.clock.advance(TimeDelta::seconds(20));
    }
    let tries = receiver.all().len();
    assert!(
        (10..120).contains(&tries),
        "{tries} tries in 20 minutes for 30 events"
    );
    receiver.respond_with_status(202);
    deliver_all(&world, &delivering).await;
    assert_eq!(receiver.accepted().len(), 30);
    assert_eq!(count(&world, EventState::Delivered).await, 30);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_event_never_accepted_is_given_up_after_days_and_can_be_resent() {
    let mut world = World::named("dead").build().await;
    world.ledger.set_receiver_configured(true).await.unwrap();
    world.expect_error("given up");
    let receiver = Receiver::start().await;
    fails(&world.ledger, 1, 2).await;
    let first = world.ledger.events(None, 2).await.unwrap().pop().unwrap();
    let poison = json!(first.id);
    receiver.respond_with(move |event, _| {
        ResponseTemplate::new(if event["id"] == poison { 400 } else { 200 })
    });
    let made = outbox::EventReceiver::new(
        receiver.url().parse().unwrap(),
        SecretString::from(EVENT_SECRET),
        WAIT_LIMIT,
        Arc::clone(&world.clock),
    );
    let delivering = EventDeliverer {
        receiver: Arc::new(made.unwrap()),
        ledger: world.ledger.clone(),
        clock: Arc::clone(&world.clock),
    };
    let start = world.clock.now();
    let dead = async || {
        world
            .ledger
            .events(Some(EventState::Dead), 9)
            .await
            .unwrap()
    };
    while dead().await.is_empty() {
        assert!(receiver.accepted().is_empty(), "the later one waits");
        deliver(&delivering).await;
        world.advance(TimeDelta::minutes(20));
    }
    let days = (world.clock.now() - start).num_hours();
    assert!((72..80).contains(&days), "{days} hours");
    let given_up = dead().await.remove(0);
    assert_eq!(given_up.id, first.id);
    assert!(given_up.problem.unwrap().contains("HTTP 400"));
    let logged = |words: &str| {
        world
            .log_lines()
            .iter()
            .filter(|line| line["message"].as_str().unwrap().contains(words))
            .count()
    };
    assert_eq!(logged("given up"), 1);
    deliver(&delivering).await;
    assert_eq!(receiver.accepted().len(), 1, "the later one is delivered");

    receiver.respond_with_status(200);
    let ledger = &world.ledger;
    assert_eq!(
        ledger.resend_event(first.id).await.unwrap(),
        veracore_sync::ledger::ResendOutcome::Requeued
    );
    deliver(&delivering).await;
    assert_eq!(receiver.accepted()[1]["id"], json!(first.id));
    let nobody = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    assert_eq!(
        ledger.resend_event(nobody).await.unwrap(),
        veracore_sync::ledger::ResendOutcome::NotFound
    );
    world.assert_settled().await;
}

/// A receiver configured later does not get old events.
#[tokio::test]
async fn events_raised_without_a_receiver_are_kept_and_not_delivered() {
    let world = World::ledger_only("unheard").await;
    let receiver = Receiver::start().await;
    let ledger = &world.ledger;
    fails(ledger, 1, 1).await;
    assert_eq!(ledger.set_receiver_configured(false).await.unwrap(), 0);
    assert_eq!(count(&world, EventState::Kept).await, 1);
    fails(ledger, 1, 1).await;
    assert_eq!(ledger.set_receiver_configured(true).await.unwrap(), 2);
    world.clock.advance(TimeDelta::seconds(1));
    fails(ledger, 1, 1).await;
    let delivering = delivering(&world, &receiver);
    receiver.respond_with_status(500);
    deliver(&delivering).await;
    world.clock.advance(TimeDelta::seconds(1));
    // A start without a receiver by mistake: pending events stay pending.
    ledger.set_receiver_configured(false).await.unwrap();
    world.clock.advance(TimeDelta::hours(1));
    fails(ledger, 2, 1).await;
    assert_eq!(
        (
            count(&world, EventState::Kept).await,
            count(&world, EventState::Pending).await
        ),
        (3, 1)
    );
    ledger.set_receiver_configured(true).await.unwrap();
    receiver.respond_with_status(200);
    deliver_all(&world, &delivering).await;
    assert_eq!(receiver.accepted().len(), 1);
    let kept = ledger.events(Some(EventState::Kept), 9).await.unwrap();
    assert_eq!(kept.len(), 3);
    // An operator can resend one of them; then it is not set aside again.
    ledger.resend_event(kept[0].id).await.unwrap();
    ledger.set_receiver_configured(true).await.unwrap();
    deliver_all(&world, &delivering).await;
    assert_eq!(receiver.accepted()[1]["id"], json!(kept[0].id));
    world.assert_settled().await;
}

#[tokio::test]
async fn undelivered_events_are_given_up_before_they_are_deleted() {
    let world = World::ledger_only("forgotten").await;
    let ledger = &world.ledger;
    ledger.set_receiver_configured(true).await.unwrap();
    world.clock.advance(TimeDelta::seconds(1));
    fails(ledger, 1, 1).await;
    let forget = async || {
        ledger
            .delete_old_events(world.clock.now() - TimeDelta::days(90))
            .await
            .unwrap()
    };
    assert_eq!(forget().await, (0, 0));
    world.clock.advance(TimeDelta::days(91));
    assert_eq!(forget().await, (0, 1));
    assert_eq!(count(&world, EventState::Dead).await, 1);
    assert_eq!(forget().await, (0, 0));
    world.clock.advance(TimeDelta::days(91));
    assert_eq!(forget().await, (1, 0));
    world.assert_settled().await;
}
