//! Pick slips of the style `oms`: goods shipped together, in packages without contents.

use serde_json::json;
use veracore_sync::sandbox::{Item, NewPackage};

use crate::harness::World;

fn package(number: &str, sku: &str, units: u32) -> NewPackage {
    NewPackage {
        tracking_number: Some(number.into()),
        items: Some(vec![Item::from((sku.to_owned(), units))]),
        ..NewPackage::default()
    }
}

#[tokio::test]
async fn several_packages_of_a_slip_share_its_lines_once() {
    let world = World::named("slip").build().await;
    let order = world.pay_order(&[("A-0", 3), ("A-1", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let packages = vec![package("P1", "A-0", 2), package("P2", "A-0", 1)];
    world.sandbox.ship(&order.code, packages).unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.problems.len()), (1, 0));
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!(
        (state.as_str(), fulfillments.len()),
        ("PartiallyShipped", 1)
    );
    assert_eq!(
        (&*fulfillments[0].tracking, &*fulfillments[0].units),
        ("P1", &[3][..])
    );
    // The other slip; with it, the first slip's other package counts as covered.
    let last = vec![package("P3", "A-1", 1)];
    world.sandbox.ship(&order.code, last).unwrap();
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 2));
    assert_eq!(fields["trackingCode"], json!("P1, P2, P3"));
    assert_eq!(service.sync_tracking().await.orders_checked, 0);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_package_that_replaces_a_void_one_gets_its_lines() {
    for omit in [false, true] {
        let world = World::named("replaced")
            .sandbox(|config| config.omit_void_charges = omit)
            .build()
            .await;
        let order = world.pay_order(&[("A-0", 2)]).await;
        let mut service = world.service();
        service.sync_orders().await;
        let first = vec![package("V1", "A-0", 2)];
        world.sandbox.ship(&order.code, first).unwrap();
        world.sandbox.void(&order.code, "V1").unwrap();
        let second = vec![package("V2", "A-0", 2)];
        world.sandbox.ship(&order.code, second).unwrap();
        let summary = service.sync_tracking().await;
        assert_eq!(
            (summary.fulfilled, summary.void),
            (1, 1),
            "{omit}: {summary:?}"
        );
        let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
        assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
        assert_eq!(fulfillments[0].units, [2]);
        assert_eq!(fields["trackingCode"], json!("V2"));
        world.assert_settled().await;
    }
}
