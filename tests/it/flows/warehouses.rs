//! Stock by warehouse in the style `oms`: read per product, and the configured warehouses added up.

use std::fmt::Write as _;

use veracore_sync::sandbox::Sandbox;

use crate::harness::{Style, World};

/// Free units at the sandbox's warehouse EAST: half of each.
fn at_east(sandbox: &Sandbox, sku: &str) -> i64 {
    let stock = sandbox.stock();
    let shelf = stock.iter().find(|shelf| shelf.sku == sku).unwrap();
    i64::from(shelf.on_hand_quantity / 2)
}

#[tokio::test]
async fn the_inventory_sync_counts_only_the_configured_warehouses() {
    let mut world = World::named("east")
        .sandbox(|config| config.two_warehouses = true)
        .build()
        .await;
    // Two pages, and a product that the shop does not sell.
    world.shop.add_variants("B-", 55).await;
    for at in 0..55 {
        world.sandbox.set_stock(&format!("B-{at}"), 20 + 2 * at);
    }
    world.sandbox.set_stock("NOBODY", 7);
    let file = std::env::temp_dir().join(format!("east-{}.toml", std::process::id()));
    let mut settings = "veracore_oms_inventory = \"products\"\n".to_owned();
    writeln!(settings, "[warehouses]\nEAST = \"Reno\"").unwrap();
    std::fs::write(&file, settings).unwrap();
    let config = [("CONFIG_FILE", file.to_str().unwrap())];
    let pass = ["sync", "inventory", "--json"];
    let done = world.cli_with(&config, &pass).await.success_json();
    assert_eq!(done["written"], 55, "{done}");
    for at in [0, 17, 54] {
        let sku = format!("B-{at}");
        let level = world.shop.level(&sku).await;
        assert_eq!(level.sellable(), at_east(&world.sandbox, &sku), "{sku}");
    }

    // If one product cannot be read, nothing is written.
    for at in 0..55 {
        world.sandbox.set_stock(&format!("B-{at}"), 10);
    }
    let silent = Style::Oms.refusal("Timeout expired");
    let silent = veracore_sync::sandbox::Fault::on("/pmomsws", silent);
    let silent = silent.operation("GetProductAvailabilities").about("B-54");
    world.sandbox.add_fault(silent);
    let failed = world.cli_with(&config, &pass).await;
    assert_eq!(failed.status, 1, "{failed:?}");
    assert!(failed.stderr.contains("B-54"), "{failed:?}");
    assert_eq!(world.shop.level("B-0").await.sellable(), 10);
    assert_eq!(world.shop.level("B-54").await.sellable(), 64);
    std::fs::remove_file(&file).unwrap();
    world.assert_settled().await;
}
