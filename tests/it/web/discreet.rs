//! Nothing that is secret or a customer's is told: not in a log at its most talkative, not in an
//! error, not in an answer, not in what is kept.

use serde_json::json;
use veracore_sync::domain::SyncStatus;

use crate::harness::{Api, Cart, Shows, TOKEN, World, ann, until};

const KEY: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

#[tokio::test]
async fn a_talkative_run_tells_no_secret_and_no_address() {
    let mut world = World::named("discreet").real_time().build().await;
    world.expect_error("VeraCore");
    let address = ann();
    let order = world
        .shop
        .pay(&Cart::of(&[("A-0", 1)]).to(address.clone()))
        .await;
    let stored = "a-stored-secret-of-the-webhook";
    let mut daemon = world
        .daemon()
        .with("LOG_LEVEL", "debug")
        .with("RUST_LOG", "debug")
        .with("API_TOKEN", TOKEN)
        .with("CONFIG_ENCRYPTION_KEY", KEY)
        .start()
        .await;
    let api = Api::new(daemon.address().await, Shows::token());
    let session = world.shop.admin.token().to_owned();
    let admin = api.showing(Shows::Bearer(session.clone()));
    let mut told = Vec::new();
    until("the order arrives", || async {
        let record = world.record(&order.code).await?;
        (record.sync_status == SyncStatus::Success).then_some(())
    })
    .await;
    let update = "mutation ($input: VeraCoreConfigInput!) { updateVeracoreConfig(input: $input) { settings { key value } } }";
    for (secret, kind) in [
        (stored, "VERACORE_WEBHOOK_SECRET"),
        ("hunter2-wrong", "SYNC_TIMEZONE"),
    ] {
        let input = json!({ "input": { "set": [{ "key": kind, "value": secret }] } });
        told.push((kind, admin.ask(update, input).await));
    }
    for shows in [
        Shows::Bearer("hunter2-session".into()),
        Shows::ApiKey("hunter2-key".into()),
    ] {
        told.push(("stranger", api.showing(shows).run("{ __typename }").await));
    }
    told.push(("order", api.run("{ veracoreOrderSyncs { edges { node { vendureOrderCode errorMessage } } } veracoreConfig { settings { key value } } }").await));
    told.push((
        "pass",
        api.run("mutation { forceVeracoreInventorySync { success error result } }")
            .await,
    ));
    let ready = api.send(api.request(reqwest::Method::GET, "/readyz")).await;
    told.push(("ready", ready));
    let kept = serde_json::to_string(&world.rows().await).unwrap();
    let lines = daemon.lines();
    assert!(
        lines.len() > 100,
        "it was not talkative: {} lines",
        lines.len()
    );
    let log = lines
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
        + &daemon.stderr();
    daemon.stop().await;

    let environment = world.environment();
    let mut hidden: Vec<String> = ["VERACORE_CLIENT_SECRET", "VENDURE_PASSWORD"]
        .iter()
        .map(|name| environment[*name].clone())
        .collect();
    hidden.extend(
        [
            TOKEN,
            KEY,
            stored,
            "hunter2-session",
            "hunter2-key",
            &session,
        ]
        .map(str::to_owned),
    );
    let personal = ["streetLine1", "streetLine2", "fullName", "phoneNumber"];
    let personal = personal.iter().filter_map(|field| address[*field].as_str());
    let street: Vec<String> = personal.map(str::to_owned).collect();
    assert!(street.len() >= 3, "{address}");
    hidden.extend(street);
    hidden.push("@example.com".into());
    for secret in &hidden {
        assert!(!kept.contains(secret.as_str()), "kept: {secret}");
        let of_the_shop = secret == "@example.com";
        for line in log.lines() {
            // The administrator's own login names him in the log.
            let named = of_the_shop && !line.contains("ann");
            assert!(
                named || !line.contains(secret.as_str()),
                "logged: {secret} in {line}"
            );
        }
        for (what, answer) in &told {
            let text = answer.body.to_string();
            let own = *what == "order" || *what == "VERACORE_WEBHOOK_SECRET";
            let login = of_the_shop && own;
            assert!(
                login || !text.contains(secret.as_str()),
                "{what} tells {secret}: {text}"
            );
        }
    }
    world.assert_settled().await;
}
