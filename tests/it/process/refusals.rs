//! `run` does not start on a wrong configuration or a shop that is not as configured: exit status
//! 2, and what to do about it on stderr.

use crate::harness::World;

async fn assert_refused(world: &World, wrong: &[(&str, &str)], words: &[&str]) {
    let mut daemon = world.daemon();
    for (name, value) in wrong {
        daemon = daemon.with(name, value);
    }
    let mut daemon = daemon.spawn();
    let status = daemon.wait_exit().await;
    let told = daemon.stderr();
    assert_eq!(status.code(), Some(2), "{wrong:?}: {told}");
    for words in words {
        assert!(told.contains(words), "{wrong:?} without '{words}': {told}");
    }
}

#[tokio::test]
async fn run_refuses_a_shop_that_is_not_as_configured() {
    let mut world = World::named("refusals").real_time().build().await;
    world.expect_error("Vendure refuses our credentials");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let wrong = [("VENDURE_CHANNEL_TOKEN", "no-such-channel")];
    assert_refused(&world, &wrong, &["fix: correct VENDURE_CHANNEL_TOKEN"]).await;
    let wrong = [("VENDURE_PASSWORD", "not this one")];
    assert_refused(
        &world,
        &wrong,
        &["fix: correct VENDURE_USERNAME and VENDURE_PASSWORD"],
    )
    .await;
    let wrong = [("VENDURE_STOCK_LOCATION", "Nowhere")];
    assert_refused(
        &world,
        &wrong,
        &["Nowhere", "fix: set VENDURE_STOCK_LOCATION"],
    )
    .await;
    world
        .shop
        .allow(&["ReadOrder", "UpdateOrder", "ReadCatalog"])
        .await;
    let fix = "fix: give the login's role in this channel: UpdateCatalog";
    assert_refused(&world, &[], &[fix]).await;
    assert!(
        world.record(&order.code).await.is_none(),
        "nothing was begun"
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn run_names_every_wrong_setting_at_once() {
    let world = World::named("settings").real_time().build().await;
    let wrong = [
        ("VERACORE_CLIENT_SECRET", ""),
        ("VENDURE_API_URL", "shop.example"),
        ("ORDER_SYNC_EXISTING", "maybe"),
        ("RETRY_MAX_SECONDS", "soon"),
    ];
    let names = wrong.map(|(name, _)| name);
    assert_refused(&world, &wrong, &names).await;
    world.assert_settled().await;
}
