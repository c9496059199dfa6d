//! The third provider in earnest: a real shop's order becomes a file, and the depot's lists become
//! stock and a fulfillment, by the program's own services.

use std::sync::Arc;

use serde_json::json;
use veracore_sync::{domain::SyncStatus, http::Circuit};

use super::{
    bench::{Bench as _, Parcel, Trouble},
    flat_file::Depot,
};
use crate::harness::{Service, ShopStock, World};

/// A world whose orders go to a depot.
async fn world(name: &str) -> (World, Depot, Service) {
    let world = World::named(name).build().await;
    let depot = Depot::at(Arc::clone(world.mock()));
    // As `app` has it of the program's own.
    let circuit = Circuit::new("The depot", Arc::clone(&world.clock));
    let provider = (depot.shared(), circuit);
    let service = world.service_with_options(|options| options.provider = Some(provider));
    (world, depot, service)
}

#[tokio::test]
async fn an_order_its_shipments_and_the_stock_go_through_files() {
    let (world, depot, mut service) = world("depot").await;
    depot.stock(&[("A-0", 40), ("A-1", 9)]);
    let order = world.pay_order(&[("A-0", 3), ("A-1", 1)]).await;
    service.sync_orders().await;

    let arrived = depot.arrived();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].number, order.code);
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Success);
    assert_eq!(record.veracore_order_id.as_deref(), Some(&*order.code));

    // 37 and 8 are free at the depot, and the order's own are given back until they are fulfilled.
    depot.catch_up();
    service.sync_stock().await;
    let level = |on_hand, allocated| ShopStock { on_hand, allocated };
    assert_eq!(world.shop.level("A-0").await, level(40, 3));
    assert_eq!(world.shop.level("A-1").await, level(9, 1));

    let first = Parcel {
        tracking: "1Z 1",
        items: &[("A-0", 2)],
    };
    depot.ship(&order.code, &[first]);
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!(state, "PartiallyShipped");
    assert_eq!(fulfillments[0].tracking, "1Z 1");
    assert_eq!(fulfillments[0].units, [2]);
    assert_eq!(fields["carrier"], json!("UPS"));

    let rest = Parcel {
        tracking: "1Z 2",
        items: &[("A-0", 1), ("A-1", 1)],
    };
    depot.ship(&order.code, &[rest]);
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 2));

    // Told again, nothing changes.
    service.sync_orders().await;
    assert_eq!(service.sync_tracking().await.fulfilled, 0);
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(depot.sends(), 1);
    assert!(service.upstreams.are_available());
    let (found, _) = service.reconcile().await;
    assert_eq!(found, []);
    world.assert_settled_elsewhere().await;
}

#[tokio::test]
async fn an_order_whose_file_is_in_doubt_is_looked_for_and_not_written_twice() {
    for (kind, sends) in [(Trouble::AnswerLost, 1), (Trouble::RequestLost, 2)] {
        let (world, depot, mut service) = world("depot_doubt").await;
        let order = world.pay_order(&[("A-0", 1)]).await;
        depot.trouble(kind, 0).unwrap();
        service.sweep().await;
        service.work().await;
        assert_eq!(world.status(&order.code).await, SyncStatus::InDoubt);
        service.settle().await;
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        assert_eq!((depot.arrived().len(), depot.sends()), (1, sends));
        world.assert_settled_elsewhere().await;
    }
}
