//! `check` passes, and with each dependency broken in turn it names that one and its fix.

use serde_json::Value;
use veracore_sync::sandbox::{Fault, FaultKind};

use crate::harness::{Output, Style, World};

const CHECK: &[&str] = &["check", "--json"];

/// The names of the failed checks, and their text.
fn failed(output: &Output) -> (Vec<String>, String) {
    assert_eq!(output.status, 1, "{output:?}");
    let report = output.json();
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks.iter().filter(|c| c["verdict"] == "failed").collect();
    let names = failed
        .iter()
        .map(|c| c["check"].as_str().unwrap().to_owned())
        .collect();
    for check in &failed {
        assert!(
            check["fix"].as_str().is_some_and(|fix| !fix.is_empty()),
            "{check}"
        );
    }
    (names, failed.iter().map(ToString::to_string).collect())
}

async fn assert_fails(world: &World, broken: &[(&str, &str)], check: &str, words: &[&str]) {
    let output = world.cli_with(broken, CHECK).await;
    let (names, text) = failed(&output);
    assert_eq!(names, [check], "{text}");
    for words in words {
        assert!(text.contains(words), "{broken:?} without '{words}': {text}");
    }
}

#[tokio::test]
async fn check_is_green_when_everything_is_right() {
    let world = World::named("green").real_time().build().await;
    let report = world.cli_json(CHECK).await;
    assert_eq!(report["ok"], true);
    let checks: Vec<String> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| format!("{}: {}", check["check"], check["verdict"]).replace('"', ""))
        .collect();
    insta::assert_snapshot!(checks.join("\n"));
    let text = world.cli(&["check"]).await;
    assert_eq!(text.status, 0);
    assert!(
        text.stdout.contains("vendure stock location"),
        "{}",
        text.stdout
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn check_names_each_problem_with_the_shop_and_its_fix() {
    let world = World::named("check_shop").real_time().build().await;
    let unreachable = [("VENDURE_API_URL", "http://127.0.0.1:1/admin-api")];
    assert_fails(
        &world,
        &unreachable,
        "vendure login",
        &["VENDURE_API_URL", "no connection"],
    )
    .await;
    let password = [("VENDURE_PASSWORD", "not this one")];
    assert_fails(
        &world,
        &password,
        "vendure login",
        &["VENDURE_USERNAME and VENDURE_PASSWORD"],
    )
    .await;
    let channel = [("VENDURE_CHANNEL_TOKEN", "no-such-channel")];
    assert_fails(
        &world,
        &channel,
        "vendure channel",
        &["correct VENDURE_CHANNEL_TOKEN"],
    )
    .await;
    let location = [("VENDURE_STOCK_LOCATION", "Nowhere")];
    let fix = "set VENDURE_STOCK_LOCATION to one of them";
    assert_fails(
        &world,
        &location,
        "vendure stock location",
        &["Nowhere", "Reno", fix],
    )
    .await;

    world.shop.add_stock_location("Elko").await;
    let words = [
        "Reno",
        "Elko",
        "set VENDURE_STOCK_LOCATION to the name or id",
    ];
    assert_fails(&world, &[], "vendure stock location", &words).await;
    let chosen = world
        .cli_with(&[("VENDURE_STOCK_LOCATION", "Elko")], CHECK)
        .await;
    assert_eq!(chosen.success_json()["ok"], true);
    world.assert_settled().await;
}

#[tokio::test]
async fn check_names_each_missing_permission() {
    let world = World::named("check_role")
        .real_time()
        .permissions(&["ReadOrder"])
        .build()
        .await;
    let words = [
        "UpdateOrder",
        "ReadCatalog",
        "UpdateCatalog",
        "Settings > Roles",
    ];
    let output = world.cli(CHECK).await;
    let (names, text) = failed(&output);
    assert_eq!(names, ["vendure permissions", "vendure stock location"]);
    for words in words {
        assert!(text.contains(words), "{text}");
    }
    world
        .shop
        .allow(&["ReadOrder", "UpdateOrder", "ReadCatalog"])
        .await;
    let words = ["missing: UpdateCatalog (writing stock levels)"];
    assert_fails(&world, &[], "vendure permissions", &words).await;
    world.assert_settled().await;
}

#[tokio::test]
async fn check_names_each_problem_with_veracore_and_its_fix() {
    let world = World::named("check_veracore").real_time().build().await;
    let unreachable = [("VERACORE_API_URL", "http://127.0.0.1:1")];
    let (_, text) = failed(&world.cli_with(&unreachable, CHECK).await);
    assert!(text.contains("correct VERACORE_API_URL"), "{text}");
    let secret = [("VERACORE_CLIENT_SECRET", "not this one")];
    let fix = "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET";
    assert_fails(&world, &secret, "veracore credentials", &[fix]).await;
    let elsewhere = format!("{}nowhere", world.sandbox.base_url());
    let elsewhere = [("VERACORE_API_URL", elsewhere.as_str())];
    let (_, text) = failed(&world.cli_with(&elsewhere, CHECK).await);
    assert!(
        text.contains("check that VERACORE_API_URL is the API's"),
        "{text}"
    );
    world.assert_settled().await;
}

/// Over SOAP, each operation has its own permission, and each call carries the credentials.
#[tokio::test]
async fn check_names_each_problem_with_veracores_soap_services_and_its_fix() {
    let world = World::named("check_oms").real_time().build().await;
    world.sandbox.set_stock("A-0", 5);
    let url = world.sandbox.oms_url();
    let oms = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, String)> {
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let url = ("VERACORE_API_URL", url.to_string());
        std::iter::once(url).chain(more).collect()
    };
    let check = async |settings: Vec<(&'static str, String)>| {
        let settings: Vec<_> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
        world.cli_with(&settings, CHECK).await
    };
    let products = ("VERACORE_OMS_INVENTORY", "products");
    let green = check(oms(&[products])).await;
    assert_eq!(green.success_json()["ok"], true);
    for operation in ["GetOrderInfo", "GetProductAvailabilities", "AddOrder"] {
        assert!(green.stdout.contains(operation), "{}", green.stdout);
    }
    for (operation, named) in [
        ("GetOrderInfo", "veracore order access"),
        ("GetOffers", "veracore inventory access"),
        ("GetProductAvailabilities", "veracore inventory access"),
        ("GetShippingCharge", "veracore shipment access"),
    ] {
        let words = format!("The user has no permission for {operation}.");
        let denied = Fault::on("/pmomsws", Style::Oms.refusal(&words));
        world.sandbox.add_fault(denied.operation(operation));
        let (names, text) = failed(&check(oms(&[products])).await);
        assert_eq!(names, [named], "{operation}: {text}");
        let fix = format!("grant {operation} to the web-service user");
        assert!(text.contains(&words) && text.contains(&fix), "{text}");
        world.sandbox.clear_faults();
    }
    let unheard = Style::Oms.refusal("Nichts gefunden");
    let unheard = Fault::on("/pmomsws", unheard).operation("GetOrderInfo");
    world.sandbox.add_fault(unheard);
    let (names, text) = failed(&check(oms(&[])).await);
    assert_eq!(names, ["veracore order access"], "{text}");
    assert!(text.contains("VERACORE_OMS_NOT_FOUND_TEXT"), "{text}");
    world.sandbox.clear_faults();
    for (setting, named, fix) in [
        (
            ("VERACORE_CLIENT_SECRET", "not this one"),
            "veracore credentials",
            "a web-service user from VeraCore's admin system",
        ),
        (
            ("VERACORE_OMS_NAMESPACE", "http://elsewhere/"),
            "veracore interface",
            "set VERACORE_OMS_NAMESPACE to the targetNamespace",
        ),
    ] {
        let (names, text) = failed(&check(oms(&[setting])).await);
        assert_eq!(names, [named], "{text}");
        assert!(text.contains(fix), "{text}");
    }
    // A wrong URL, and an HTML page.
    let fix = "check that VERACORE_API_URL is the service's own URL";
    let elsewhere = url.to_string().replace("oms.asmx", "other.asmx");
    let (names, text) = failed(&check(vec![("VERACORE_API_URL", elsewhere)]).await);
    assert_eq!((names.len(), text.matches(fix).count()), (4, 4), "{text}");
    let page = "<html><body>Sign in</body></html>";
    let page = FaultKind::Status {
        status: 200,
        body: page.into(),
        headers: [("Content-Type".to_owned(), "text/html".to_owned())].into(),
        done: false,
    };
    world.sandbox.add_fault(Fault::on("/pmomsws", page));
    let (names, text) = failed(&check(oms(&[])).await);
    assert_eq!((names.len(), text.matches(fix).count()), (4, 4), "{text}");
    assert!(text.contains("it is an HTML page"), "{text}");
    world.assert_settled().await;
}

#[tokio::test]
async fn check_names_each_problem_with_the_database_and_its_fix() {
    let world = World::named("check_database")
        .real_time()
        .unmigrated()
        .build()
        .await;
    assert_fails(&world, &[], "database", &["run `veracore-sync migrate`"]).await;
    world.cli_json(&["migrate", "--json"]).await;
    assert_eq!(world.cli_json(CHECK).await["ok"], true);
    let unreachable = [("DATABASE_URL", "postgres://postgres@127.0.0.1:1/nothing")];
    assert_fails(
        &world,
        &unreachable,
        "database",
        &["start Postgres, or correct DATABASE_URL"],
    )
    .await;
    world.assert_settled().await;
}
