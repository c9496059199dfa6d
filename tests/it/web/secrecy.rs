//! No secret and no personal data appears in logs (at the most verbose level), errors, responses or
//! stored data.

use serde_json::json;

use crate::harness::{Api, Cart, Credential, TOKEN, World, ann};

const KEY: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";
const STORED: &str = "a-stored-secret-of-the-webhook";
const UPDATE: &str = "mutation ($input: VeraCoreConfigInput!) { updateVeracoreConfig(input: $input) { settings { key value } } }";
const ORDERS: &str = "{ veracoreOrderSyncs { edges { node { vendureOrderCode errorMessage } } } veracoreConfig { settings { key value } } }";
const PASS: &str = "mutation { forceVeracoreInventorySync { success error result } }";

/// The texts that must appear nowhere.
fn hidden(world: &World, session: &str) -> Vec<String> {
    let environment = world.environment();
    let mut hidden: Vec<String> = ["VERACORE_CLIENT_SECRET", "VENDURE_PASSWORD"]
        .iter()
        .map(|name| environment[*name].clone())
        .collect();
    let shown = [
        TOKEN,
        KEY,
        STORED,
        "hunter2-session",
        "hunter2-key",
        session,
    ];
    hidden.extend(shown.map(str::to_owned));
    let address = ann();
    for field in ["streetLine1", "streetLine2", "fullName", "phoneNumber"] {
        hidden.push(address[field].as_str().unwrap().to_owned());
    }
    let customer = world.shop.channel_token.to_lowercase();
    hidden.push(format!("{customer}@example.com"));
    hidden
}

/// The responses to all kinds of clients.
async fn answers(api: &Api, session: &str) -> Vec<String> {
    let admin = api.with_credential(Credential::Bearer(session.to_owned()));
    let set =
        |key: &str, value: &str| json!({ "input": { "set": [{ "key": key, "value": value }] } });
    let ready = api.request(reqwest::Method::GET, "/readyz");
    let answers = [
        admin
            .ask(UPDATE, set("VERACORE_WEBHOOK_SECRET", STORED))
            .await,
        admin.ask(UPDATE, set("API_TOKEN", STORED)).await,
        api.with_credential(Credential::Bearer("hunter2-session".into()))
            .run(ORDERS)
            .await,
        api.with_credential(Credential::ApiKey("hunter2-key".into()))
            .run(ORDERS)
            .await,
        api.run(ORDERS).await,
        api.run(PASS).await,
        api.send(ready).await,
    ];
    answers
        .iter()
        .map(|answer| answer.body.to_string())
        .collect()
}

#[tokio::test]
async fn verbose_logs_and_responses_contain_no_secret_and_no_address() {
    let mut world = World::named("secrecy").real_time().build().await;
    world.expect_error("VeraCore");
    let order = world.shop.pay(&Cart::of(&[("A-0", 1)]).to(ann())).await;
    let mut daemon = world
        .daemon()
        .with("LOG_LEVEL", "debug")
        .with("RUST_LOG", "debug")
        .with("API_TOKEN", TOKEN)
        .with("CONFIG_ENCRYPTION_KEY", KEY)
        .start()
        .await;
    let api = Api::new(daemon.address().await, Credential::token());
    let session = world.shop.admin.token().to_owned();
    world.wait_until_sent(&order.code).await;
    let answers = answers(&api, &session).await;
    let kept = serde_json::to_string(&world.rows().await).unwrap();
    let lines: Vec<String> = daemon.lines().iter().map(ToString::to_string).collect();
    assert!(lines.len() > 100, "not talkative: {} lines", lines.len());
    let stderr = daemon.stderr();
    daemon.stop().await;
    for secret in hidden(&world, &session) {
        assert!(!kept.contains(&secret), "kept: {secret}");
        assert!(!stderr.contains(&secret), "stderr contains {secret}");
        for text in lines.iter().chain(&answers) {
            assert!(!text.contains(&secret), "{secret} is in {text}");
        }
    }
    world.assert_settled().await;
}
