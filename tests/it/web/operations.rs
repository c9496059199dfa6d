//! The effect of each operation, with a real shop.

use serde_json::{Value, json};
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, NewPackage, Work},
};

use super::served;
use crate::harness::{Api, PaidOrder, World, until};

async fn status_of(api: &Api, order: &PaidOrder) -> Value {
    let query = "query ($id: String!) { veracoreOrderSyncStatus(orderId: $id) {
        id vendureOrderId vendureOrderCode veracoreOrderId syncStatus errorCategory errorMessage
        retryCount lastSyncAttempt lastSuccessfulSync nextAttempt trackingNumbers createdAt updatedAt } }";
    let answer = api.ask(query, json!({ "id": order.id })).await;
    answer.data("veracoreOrderSyncStatus").clone()
}

#[tokio::test]
async fn orders_are_listed_in_pages() {
    let world = World::named("reported").real_time().build().await;
    let orders = world.pay_orders(5).await;
    let (daemon, api) = served(&world).await;
    for order in &orders {
        world.wait_until_sent(&order.code).await;
    }
    let reported = status_of(&api, &orders[0]).await;
    assert_eq!(reported["vendureOrderCode"], json!(orders[0].code));
    assert_eq!(reported["syncStatus"], "success");
    let arrived = world.sandbox.order(&orders[0].code).unwrap();
    assert_eq!(reported["veracoreOrderId"], json!(arrived.order_id));
    assert_eq!(reported["trackingNumbers"], json!([]));
    let query =
        "query ($code: String!) { veraCoreOrderSyncStatus(orderCode: $code) { vendureOrderId } }";
    let by_code = api.ask(query, json!({ "code": orders[1].code })).await;
    assert_eq!(
        by_code.data("veraCoreOrderSyncStatus")["vendureOrderId"],
        json!(orders[1].id)
    );
    let nobody = api.ask(query, json!({ "code": "NO-SUCH" })).await;
    assert_eq!(*nobody.data("veraCoreOrderSyncStatus"), Value::Null);

    let stats = api.run("{ veracoreOrderSyncStats { totalSynced totalFailed totalPending recentErrors { id } } }").await;
    let expected =
        json!({ "totalSynced": 5, "totalFailed": 0, "totalPending": 0, "recentErrors": [] });
    assert_eq!(*stats.data("veracoreOrderSyncStats"), expected);

    let query = "query ($after: String) { veracoreOrderSyncs(first: 2, after: $after) {
        totalCount edges { cursor node { vendureOrderCode } } pageInfo { hasNextPage endCursor } } }";
    let mut codes = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = api.ask(query, json!({ "after": after })).await;
        let page = answer.data("veracoreOrderSyncs");
        assert_eq!(page["totalCount"], 5);
        for edge in page["edges"].as_array().unwrap() {
            codes.push(
                edge["node"]["vendureOrderCode"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let mut paid: Vec<String> = orders.iter().map(|order| order.code.clone()).collect();
    codes.sort();
    paid.sort();
    assert_eq!(codes, paid);
    let query = "query ($s: String) { veracoreOrderSyncs(search: $s, status: \"success\") { totalCount edges { node { id } } } }";
    for (search, count) in [
        (orders[2].code.to_lowercase(), 1),
        ("  ".into(), 5),
        ("%".into(), 0),
        ("' or 1=1 --".into(), 0),
    ] {
        let answer = api.ask(query, json!({ "s": search })).await;
        let page = answer.data("veracoreOrderSyncs");
        assert_eq!(page["totalCount"], count, "{search}");
        assert_eq!(page["edges"].as_array().unwrap().len(), count, "{search}");
    }
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_is_retried_forced_and_skipped() {
    let mut world = World::named("wishes").real_time().build().await;
    world.expect_error("needs attention");
    world.expect_error("VeraCore");
    let refused = FaultKind::Status {
        status: 422,
        body: json!({ "message": "no" }),
        headers: std::collections::BTreeMap::new(),
        done: false,
    };
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", refused).method("POST"));
    let [first, second, third] = world.pay_orders(3).await.try_into().unwrap();
    let (daemon, api) = served(&world).await;
    for order in [&first, &second, &third] {
        until("order needs attention", || async {
            let record = world.record(&order.code).await?;
            (record.sync_status == SyncStatus::Error).then_some(())
        })
        .await;
    }
    let failed = api.run("{ veracoreFailedOrderSyncs { vendureOrderCode errorCategory errorMessage } veracoreOrderSyncStats { totalFailed recentErrors { id } } }").await;
    assert_eq!(
        failed
            .data("veracoreFailedOrderSyncs")
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(failed.data("veracoreOrderSyncStats")["totalFailed"], 3);
    let force =
        "mutation ($id: String!) { forceVeraCoreOrderSync(orderId: $id) { success message } }";
    let forced = api.ask(force, json!({ "id": first.id })).await;
    assert_eq!(forced.data("forceVeraCoreOrderSync")["success"], false);
    world.sandbox.clear_faults();

    let forced = api.ask(force, json!({ "id": first.id })).await;
    assert_eq!(
        forced.data("forceVeraCoreOrderSync")["success"],
        true,
        "{forced:?}"
    );
    assert_eq!(world.status(&first.code).await, SyncStatus::Success);
    let again = api.ask(force, json!({ "id": first.id })).await;
    let said = again.data("forceVeraCoreOrderSync");
    assert_eq!(said["success"], true);
    assert!(
        said["message"].as_str().unwrap().contains("already"),
        "{said}"
    );

    let retry =
        "mutation ($id: String!) { retryVeracoreOrderSync(orderId: $id) { success message } }";
    let retried = api.ask(retry, json!({ "id": second.id })).await;
    assert_eq!(retried.data("retryVeracoreOrderSync")["success"], true);
    world.wait_until_sent(&second.code).await;
    let again = api.ask(retry, json!({ "id": second.id })).await;
    assert_eq!(again.data("retryVeracoreOrderSync")["success"], false);

    let skip =
        "mutation ($id: String!) { skipVeracoreOrderSync(orderId: $id) { success message } }";
    let skipped = api.ask(skip, json!({ "id": third.id })).await;
    assert_eq!(skipped.data("skipVeracoreOrderSync")["success"], true);
    assert_eq!(status_of(&api, &third).await["syncStatus"], "skipped");
    for (mutation, name) in [
        (retry, "retryVeracoreOrderSync"),
        (skip, "skipVeracoreOrderSync"),
    ] {
        let unknown = api.ask(mutation, json!({ "id": "999999" })).await;
        assert_eq!(unknown.data(name)["success"], false);
    }
    let unknown = api.ask(force, json!({ "id": "999999" })).await;
    assert_eq!(unknown.data("forceVeraCoreOrderSync")["success"], false);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn two_concurrent_forces_send_an_order_once() {
    let world = World::named("both").real_time().build().await;
    let (daemon, api) = served(&world).await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let force =
        "mutation ($id: String!) { forceVeraCoreOrderSync(orderId: $id) { success message } }";
    let call = || api.ask(force, json!({ "id": order.id }));
    let answers: [_; 4] = tokio::join!(call(), call(), call(), call()).into();
    for answer in &answers {
        let said = answer.data("forceVeraCoreOrderSync");
        let message = said["message"].as_str().unwrap();
        let fits = if said["success"] == true {
            message.contains("VeraCore a") && message.contains(" the order (")
        } else {
            message.contains("being processed")
        };
        assert!(fits, "{said}");
    }
    world.wait_until_sent(&order.code).await;
    assert_eq!(world.sandbox.orders().len(), 1);
    let posts = world.sandbox.requests();
    let posts = posts
        .iter()
        .filter(|r| r.method == "POST" && r.path == "/api/orders");
    assert_eq!(posts.count(), 1);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn stock_and_tracking_are_synced_on_request() {
    let world = World::named("asked").real_time().build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    let (daemon, api) = served(&world).await;
    world.wait_until_sent(&order.code).await;
    world.sandbox.set_stock("A-0", 70);
    world.sandbox.set_stock("A-1", 5);
    let sku =
        "mutation ($sku: String!) { syncVeracoreInventoryForSku(sku: $sku) { success message } }";
    let answer = api.ask(sku, json!({ "sku": "A-0" })).await;
    assert_eq!(
        answer.data("syncVeracoreInventoryForSku")["success"],
        true,
        "{answer:?}"
    );
    assert_eq!(world.shop.level("A-0").await.on_hand, 70);
    let unknown = api.ask(sku, json!({ "sku": "NO-SUCH" })).await;
    assert_eq!(
        unknown.data("syncVeracoreInventoryForSku")["success"],
        false
    );

    let answer = api
        .run("mutation { forceVeracoreInventorySync { success error result } }")
        .await;
    let pass = answer.data("forceVeracoreInventorySync");
    assert_eq!(
        (&pass["success"], &pass["error"]),
        (&json!(true), &Value::Null),
        "{pass}"
    );
    assert_eq!(pass["result"]["written"], 1);
    assert_eq!(world.shop.level("A-1").await.on_hand, 5);
    let answer = api
        .run("mutation { forceVeraCoreInventorySync { success syncedProducts errors } }")
        .await;
    let expected = json!({ "success": true, "syncedProducts": 0, "errors": 0 });
    assert_eq!(*answer.data("forceVeraCoreInventorySync"), expected);
    let answer = api.run("{ veracoreInventorySyncStats { lastSyncTime nextSyncTime isRunning lastResult { totalProcessed updated errors skipped } } }").await;
    let stats = answer.data("veracoreInventorySyncStats");
    assert_eq!(stats["isRunning"], false);
    assert!(
        stats["lastSyncTime"].is_string() && stats["nextSyncTime"].is_string(),
        "{stats}"
    );
    assert_eq!(stats["lastResult"]["totalProcessed"], 2);

    let package = NewPackage {
        tracking_number: Some("1Z API".into()),
        ..NewPackage::default()
    };
    world.sandbox.ship(&order.code, vec![package]).unwrap();
    let one = "mutation ($id: String!) { syncVeracoreTrackingForOrder(orderId: $id) { success message } }";
    let answer = api.ask(one, json!({ "id": order.id })).await;
    assert_eq!(
        answer.data("syncVeracoreTrackingForOrder")["success"],
        true,
        "{answer:?}"
    );
    assert_eq!(world.shop.fulfillment_state(&order).await.0, "Shipped");
    assert_eq!(
        status_of(&api, &order).await["trackingNumbers"],
        json!(["1Z API"])
    );
    let answer = api
        .run("mutation { forceVeracoreTrackingSync { success error result } }")
        .await;
    assert_eq!(
        answer.data("forceVeracoreTrackingSync")["success"],
        true,
        "{answer:?}"
    );
    let answer = api.run("{ veracoreTrackingSyncStats { totalOrdersTracked isRunning lastResult { ordersChecked trackingUpdated errors } } }").await;
    let stats = answer.data("veracoreTrackingSyncStats");
    assert_eq!(stats["totalOrdersTracked"], 1);
    assert_eq!(stats["lastResult"]["errors"], 0);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn of_two_requested_runs_one_is_run_and_it_outlives_its_caller() {
    let world = World::named("busy").real_time().build().await;
    world.sandbox.set_stock("A-0", 70);
    let slow = FaultKind::Delay {
        milliseconds: 800,
        work: Work::Before,
    };
    world.sandbox.add_fault(Fault::on("/api/inventory", slow));
    let (daemon, api) = served(&world).await;
    world.sandbox.clear_requests();
    let pass = "mutation { forceVeracoreInventorySync { success error } }";
    let hangs_up = tokio::time::timeout(std::time::Duration::from_millis(300), api.run(pass)).await;
    assert!(hangs_up.is_err(), "he did not wait");
    let second = api.run(pass).await;
    let said = second.data("forceVeracoreInventorySync");
    assert_eq!(said["success"], false);
    assert!(
        said["error"].as_str().unwrap().contains("in progress"),
        "{said}"
    );
    let running = api
        .run("{ veracoreInventorySyncStats { isRunning } }")
        .await;
    assert_eq!(
        running.data("veracoreInventorySyncStats")["isRunning"],
        true
    );
    until("the first one writes the level", || async {
        (world.shop.level("A-0").await.on_hand == 70).then_some(())
    })
    .await;
    daemon.stop().await;
    world.assert_settled().await;
}
