//! Authorization: every kind of credential and every permission, against a real shop.

use serde_json::json;

use super::served;
use crate::harness::{Api, Credential, World, get, vendure_version};

/// Each operation and its permissions, of which one suffices.
const OPERATIONS: [(&str, &[&str]); 18] = [
    (
        "{ veracoreOrderSyncStatus(orderId: \"none\") { id } }",
        READ,
    ),
    (
        "{ veraCoreOrderSyncStatus(orderCode: \"NONE\") { id } }",
        READ,
    ),
    ("{ veracoreOrderSyncStats { totalSynced } }", READ),
    ("{ veracoreFailedOrderSyncs { id } }", READ),
    ("{ veracoreOrderSyncs { totalCount } }", READ),
    ("{ veracoreInventorySyncStats { isRunning } }", READ),
    ("{ veracoreTrackingSyncStats { isRunning } }", READ),
    ("{ veracoreConfig { syncEnabled } }", READ),
    (
        "mutation { retryVeracoreOrderSync(orderId: \"none\") { success } }",
        ORDER,
    ),
    (
        "mutation { forceVeraCoreOrderSync(orderId: \"999999\") { success } }",
        ORDER,
    ),
    (
        "mutation { skipVeracoreOrderSync(orderId: \"none\") { success } }",
        ORDER,
    ),
    ("mutation { forceVeracoreTrackingSync { success } }", ORDER),
    (
        "mutation { syncVeracoreTrackingForOrder(orderId: \"none\") { success } }",
        ORDER,
    ),
    ("mutation { forceVeracoreInventorySync { success } }", STOCK),
    ("mutation { forceVeraCoreInventorySync { success } }", STOCK),
    (
        "mutation { syncVeracoreInventoryForSku(sku: \"none\") { success } }",
        STOCK,
    ),
    (
        "mutation { updateVeracoreConfig(input: { syncEnabled: true }) { syncEnabled } }",
        SETTINGS,
    ),
    (
        "mutation { updateVeracoreConfig(input: { unset: [\"SYNC_ENABLED\"] }) { syncEnabled } }",
        SETTINGS,
    ),
];

const READ: &[&str] = &["ReadOrder"];
const ORDER: &[&str] = &["UpdateOrder"];
const STOCK: &[&str] = &["UpdateCatalog", "UpdateStockLocation"];
const SETTINGS: &[&str] = &["UpdateSettings"];

const ALL: [&str; 5] = [
    "ReadOrder",
    "UpdateOrder",
    "UpdateCatalog",
    "UpdateStockLocation",
    "UpdateSettings",
];

/// Asserts that each operation is allowed or refused according to these permissions, and that a
/// refusal names the missing permission.
async fn assert_allowed(api: &Api, permissions: &[&str]) {
    for (operation, needs) in OPERATIONS {
        let answer = api.run(operation).await;
        assert_eq!(answer.status, 200, "{operation}: {answer:?}");
        let code = &answer.body["errors"][0]["extensions"]["code"];
        if needs.iter().any(|need| permissions.contains(need)) {
            assert_ne!(
                *code,
                json!("FORBIDDEN"),
                "{permissions:?} {operation}: {answer:?}"
            );
        } else {
            assert_eq!(
                *code,
                json!("FORBIDDEN"),
                "{permissions:?} {operation}: {answer:?}"
            );
            assert!(answer.error().contains(needs[0]), "{answer:?}");
            let named = &answer.body["errors"][0]["extensions"]["permission"];
            assert_eq!(*named, json!(needs[0]));
        }
    }
}

#[tokio::test]
async fn an_administrator_has_the_permissions_of_their_role_in_the_channel() {
    let world = World::named("roles").real_time().build().await;
    world.sandbox.set_stock("A-0", 100_000);
    let (daemon, api) = served(&world).await;
    let (channel, default_channel) = world.shop.channels().await;
    assert_allowed(&api, &ALL).await;
    for permission in ALL {
        let role = world
            .shop
            .make_role(permission, &[permission], &channel)
            .await;
        let token = world.shop.session_of_role(permission, &role).await;
        assert_allowed(
            &api.with_credential(Credential::Bearer(token)),
            &[permission],
        )
        .await;
    }
    let admin = api.with_credential(Credential::Bearer(world.shop.admin.token().into()));
    assert_allowed(&admin, &ALL).await;
    // Permissions in another channel do not count.
    let elsewhere = world
        .shop
        .make_role("elsewhere", &ALL, &default_channel)
        .await;
    let token = world.shop.session_of_role("elsewhere", &elsewhere).await;
    assert_allowed(&api.with_credential(Credential::Bearer(token)), &[]).await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_api_key_has_the_permissions_of_its_role() {
    if vendure_version().starts_with("3.4") {
        return;
    }
    let world = World::named("keys").real_time().build().await;
    world.sandbox.set_stock("A-0", 100_000);
    let (daemon, api) = served(&world).await;
    let (channel, _) = world.shop.channels().await;
    for permission in ALL {
        let role = world
            .shop
            .make_role(permission, &[permission], &channel)
            .await;
        let key = world.shop.make_api_key_of(&role).await;
        assert_allowed(&api.with_credential(Credential::ApiKey(key)), &[permission]).await;
    }
    // Like Vendure, the daemon does not accept a key as a session token.
    let role = world.shop.make_role("all", &ALL, &channel).await;
    let key = world.shop.make_api_key_of(&role).await;
    let answer = api
        .with_credential(Credential::Bearer(key))
        .run("{ __typename }")
        .await;
    assert_eq!(answer.status, 401);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn unauthenticated_clients_get_one_message_and_are_rate_limited() {
    let world = World::named("strangers").real_time().build().await;
    let (mut daemon, api) = served(&world).await;
    let address = daemon.address().await;
    let query = "{ __schema { queryType { name } } }";
    let refused = api.with_credential(Credential::None).run(query).await;
    assert_eq!(refused.status, 401);
    let keys: Vec<&String> = refused.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["errors"]);
    assert!(refused.error().contains("API_TOKEN"), "{refused:?}");
    let mut statuses = Vec::new();
    for n in 0..12 {
        let shows = if n % 2 == 0 {
            Credential::Bearer(format!("wrong {n}"))
        } else {
            Credential::ApiKey(format!("wrong-{n}"))
        };
        statuses.push(api.with_credential(shows).run(query).await.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    // Nor at another endpoint, and a customer's or a wrong session is refused, too.
    let webhook = api.with_credential(Credential::Bearer("wrong".into()));
    assert_eq!(
        webhook
            .send_body("/vendure-webhooks/order", "{}")
            .await
            .status,
        429
    );
    // Authenticated clients are still served.
    assert_eq!(api.run(query).await.status, 200);
    assert_eq!(get(&format!("http://{address}/readyz")).await.0, 200);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn without_api_token_only_vendure_authenticates_and_nobody_while_it_is_down() {
    let mut world = World::named("tokenless").real_time().build().await;
    world.expect_error("Vendure");
    let proxy = world.shop_proxy();
    let mut daemon = world
        .daemon()
        .with("VENDURE_API_URL", proxy.url())
        .start()
        .await;
    let api = Api::new(daemon.address().await, Credential::token());
    let query = "{ veracoreOrderSyncStats { totalSynced } }";
    assert_eq!(api.run(query).await.status, 401);
    let webhook = api.send_body("/vendure-webhooks/order", "{}").await;
    assert_eq!(webhook.status, 401, "there is no token to hold");
    let admin = api.with_credential(Credential::Bearer(world.shop.admin.token().into()));
    admin.run(query).await.data("veracoreOrderSyncStats");
    proxy.close();
    // Cached for a minute; another credential cannot be checked now.
    admin.run(query).await.data("veracoreOrderSyncStats");
    let answer = api
        .with_credential(Credential::Bearer("another".into()))
        .run(query)
        .await;
    assert_eq!(answer.status, 503, "{answer:?}");
    daemon.stop().await;
    world.assert_settled().await;
}
