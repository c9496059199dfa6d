//! The third provider with the program's services: a real shop's order becomes a file, and the depot's
//! lists become stock and a fulfillment.

use std::sync::Arc;

use serde_json::json;
use veracore_sync::{domain::SyncStatus, http::Circuit};

use super::{
    bench::{Bench as _, Failure, Parcel},
    flat_file::Depot,
};
use crate::harness::{Service, ShopStock, World};

/// A world with the depot as its warehouse.
async fn world(name: &str) -> (World, Depot, Service) {
    let world = World::named(name).build().await;
    let depot = Depot::at(Arc::clone(world.mock()));
    // As in `app`.
    let circuit = Circuit::new("The depot", Arc::clone(&world.clock));
    let provider = (depot.shared(), circuit);
    let service = world.service_with_options(|options| options.provider = Some(provider));
    (world, depot, service)
}

#[tokio::test]
async fn an_order_its_shipments_and_stock_are_synced_by_files() {
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

    // The depot has 37 and 8 available, plus the units that the shop has allocated to the order.
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

    // Further runs change nothing.
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
async fn an_order_in_doubt_is_looked_up_and_not_written_twice() {
    for (kind, sends) in [(Failure::ResponseLost, 1), (Failure::RequestLost, 2)] {
        let (world, depot, mut service) = world("depot_doubt").await;
        let order = world.pay_order(&[("A-0", 1)]).await;
        depot.failure(kind, 0).unwrap();
        service.sweep().await;
        service.work().await;
        assert_eq!(world.status(&order.code).await, SyncStatus::InDoubt);
        service.settle().await;
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        assert_eq!((depot.arrived().len(), depot.sends()), (1, sends));
        world.assert_settled_elsewhere().await;
    }
}
