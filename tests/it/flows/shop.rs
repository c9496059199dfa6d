//! The program's client of a real shop: stock and fulfillments, read and written.

use std::collections::BTreeMap;

use serde_json::json;
use veracore_sync::{
    domain::{
        FailureClass, FulfillmentId, LineId, LineUnits, LocationId, ShopOrderId, Sku, VariantId,
    },
    vendure::{
        FulfillmentProgress, FulfillmentTarget, NewFulfillment, NewStockLevel, ShopSetup,
        StockLevel, StockTarget, Storefront, StorefrontError, SupportedTrackingFields,
        TrackingFields, Variant, VariantSelection,
    },
};

use crate::harness::{PaidOrder, World};

const SKUS: [&str; 6] = ["A-0", "A-1", "A-2", "A-3", "GIFT-CARD", "GIFT-WRAP"];

fn location(world: &World) -> LocationId {
    LocationId::parse(&world.shop.location).unwrap()
}

fn variant(world: &World, sku: &str) -> VariantId {
    VariantId::parse(&world.shop.variants[sku]).unwrap()
}

fn level(on_hand: i64, allocated: i64) -> StockLevel {
    StockLevel { on_hand, allocated }
}

fn skus(variants: &[Variant]) -> Vec<&str> {
    variants
        .iter()
        .map(|variant| variant.sku.as_str())
        .collect()
}

/// The shop's levels by SKU.
async fn levels(world: &World, shop: &impl Storefront) -> BTreeMap<String, StockLevel> {
    let page = VariantSelection::Page { skip: 0, take: 100 };
    let page = shop.variants(page, &location(world)).await.unwrap();
    page.variants
        .into_iter()
        .map(|variant| (variant.sku, variant.level))
        .collect()
}

async fn set(world: &World, shop: &impl Storefront, sku: &str, on_hand: u32) {
    let variant = variant(world, sku);
    let levels = [NewStockLevel { variant, on_hand }];
    shop.set_stock(&location(world), &levels).await.unwrap();
}

async fn progress(shop: &impl Storefront, order: &PaidOrder) -> FulfillmentProgress {
    let id = ShopOrderId::parse(&order.id).unwrap();
    let mut page = shop.fulfillment_progress(&[id]).await.unwrap();
    assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
    assert_eq!(page.orders.len(), 1);
    let mut order = page.orders.remove(0);
    // The shop does not guarantee an order.
    order.lines.sort_by(|one, other| one.sku.cmp(&other.sku));
    order
}

/// A fulfillment of an order's lines, as `(index, units)`.
fn package(order: &PaidOrder, lines: &[(usize, u32)], tracking_code: &str) -> NewFulfillment {
    let units = |&(at, quantity): &(usize, u32)| LineUnits {
        line: LineId::parse(&order.lines[at].id).unwrap(),
        quantity,
    };
    NewFulfillment {
        lines: lines.iter().map(units).collect(),
        method: "UPS Ground".into(),
        tracking_code: tracking_code.into(),
    }
}

fn refused_code(error: &StorefrontError) -> &str {
    match error {
        StorefrontError::Rejected { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn levels_are_read_in_pages_by_id_and_by_sku() {
    let world = World::named("levels").build().await;
    let shop = world.storefront();
    let here = location(&world);
    world.pay_order(&[("A-0", 3)]).await;
    let untracked = json!([
        { "id": world.shop.variants["A-2"], "trackInventory": "FALSE" },
        { "id": world.shop.variants["A-3"], "trackInventory": "INHERIT" },
    ]);
    let document = "mutation ($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }";
    let input = json!({ "input": untracked });
    world.shop.admin.run(document, &input).await;

    let mut ends = Vec::new();
    let mut seen = Vec::new();
    for skip in [0, 4] {
        let page = VariantSelection::Page { skip, take: 4 };
        let page = shop.variants(page, &here).await.unwrap();
        assert_eq!((page.total, page.unreadable.len()), (6, 0));
        assert_eq!(page.len, page.variants.len());
        ends.push(page.end_ids.unwrap());
        seen.extend(page.variants);
    }
    assert_eq!(skus(&seen), SKUS);
    let ids: Vec<u32> = seen
        .iter()
        .map(|v| v.id.as_str().parse().unwrap())
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(ends[0].0, ids[0].to_string());
    assert_eq!(ends[1], (ids[4].to_string(), ids[5].to_string()));
    assert_eq!(seen[0].level, level(100_000, 3));
    assert_eq!(seen[1].level, level(100_000, 0));
    let tracked: Vec<bool> = seen.iter().map(|variant| variant.is_tracked).collect();
    assert_eq!(tracked, [true, true, false, true, true, true]);

    let some = [variant(&world, "A-3"), variant(&world, "A-0")];
    let found = shop
        .variants(VariantSelection::Ids(&some), &here)
        .await
        .unwrap();
    assert_eq!(
        (found.total, skus(&found.variants)),
        (2, vec!["A-0", "A-3"])
    );
    let some = ["GIFT-CARD", "a-0", "A-1", "A-1 "].map(|sku| Sku::parse(sku).unwrap());
    let found = shop
        .variants(VariantSelection::Skus(&some), &here)
        .await
        .unwrap();
    assert_eq!(skus(&found.variants), ["A-1", "GIFT-CARD"]);
    let none = shop
        .variants(VariantSelection::Skus(&[]), &here)
        .await
        .unwrap();
    assert_eq!((none.total, none.end_ids), (0, None));

    let elsewhere = LocationId::parse("999999").unwrap();
    let found = shop
        .variants(VariantSelection::Skus(&some), &elsewhere)
        .await;
    assert_eq!(found.unwrap().variants[0].level, level(0, 0));
    world.assert_settled().await;
}

#[tokio::test]
async fn many_skus_are_requested_in_several_requests() {
    let world = World::named("names").build().await;
    let shop = world.storefront();
    let here = location(&world);
    let mut names: Vec<Sku> = (0..998)
        .map(|n| Sku::parse(format!("{n:0>255}")).unwrap())
        .collect();
    names.insert(0, Sku::parse("A-0").unwrap());
    names.push(Sku::parse("A-1").unwrap());
    let found = shop
        .variants(VariantSelection::Skus(&names), &here)
        .await
        .unwrap();
    assert_eq!(skus(&found.variants), ["A-0", "A-1"]);
    let mut ids: Vec<VariantId> = (0..1500)
        .map(|n| VariantId::parse((2_000_000_000 + n).to_string()).unwrap())
        .collect();
    ids.push(variant(&world, "A-2"));
    let found = shop
        .variants(VariantSelection::Ids(&ids), &here)
        .await
        .unwrap();
    assert_eq!(skus(&found.variants), ["A-2"]);
    world.assert_settled().await;
}

/// There are more variants than SKUs requested.
#[tokio::test]
async fn a_sku_of_several_variants_returns_all_of_them() {
    let world = World::named("namesakes").build().await;
    world
        .shop
        .sql(&format!(
            "update product_variant set sku = 'SAME' where id in ({}, {})",
            world.shop.variants["A-1"], world.shop.variants["A-3"]
        ))
        .await;
    let same = [Sku::parse("SAME").unwrap()];
    let found = world.storefront();
    let found = found
        .variants(VariantSelection::Skus(&same), &location(&world))
        .await;
    let found = found.unwrap();
    let ids: Vec<VariantId> = found.variants.into_iter().map(|v| v.id).collect();
    assert_eq!(ids, [variant(&world, "A-1"), variant(&world, "A-3")]);
    world.assert_settled().await;
}

#[tokio::test]
async fn writing_stock_returns_the_new_levels() {
    let world = World::named("stock").build().await;
    let shop = world.storefront();
    world.pay_order(&[("A-1", 2)]).await;
    let [first, second] = ["A-1", "A-0"].map(|sku| variant(&world, sku));
    let new = |variant: &VariantId, on_hand| NewStockLevel {
        variant: variant.clone(),
        on_hand,
    };
    let most = u32::try_from(i32::MAX).unwrap();
    let returned = shop
        .set_stock(&location(&world), &[new(&first, 7), new(&second, most)])
        .await
        .unwrap();
    assert_eq!(
        returned,
        [
            (first, level(7, 2)),
            (second.clone(), level(most.into(), 0))
        ],
        "in the order of the writes"
    );
    let levels = levels(&world, &shop).await;
    assert_eq!(levels["A-1"], level(7, 2));
    assert_eq!(levels["A-2"], level(100_000, 0));
    assert_eq!(shop.set_stock(&location(&world), &[]).await, Ok(Vec::new()));
    let too_much = shop
        .set_stock(&location(&world), &[new(&second, most + 1)])
        .await;
    assert!(matches!(
        too_much,
        Err(StorefrontError::InvalidField { .. })
    ));
    world.assert_settled().await;
}

#[tokio::test]
async fn one_invalid_level_prevents_the_whole_write() {
    let world = World::named("all-or-none").build().await;
    let shop = world.storefront();
    let good = |sku| NewStockLevel {
        variant: variant(&world, sku),
        on_hand: 5,
    };
    let unknown = NewStockLevel {
        variant: VariantId::parse("999999").unwrap(),
        on_hand: 5,
    };
    let levels_before = levels(&world, &shop).await;
    let refused = shop
        .set_stock(&location(&world), &[good("A-0"), unknown, good("A-1")])
        .await
        .unwrap_err();
    assert_eq!(refused.class(), FailureClass::Permanent, "{refused}");
    assert!(
        refused.to_string().contains("ENTITY_NOT_FOUND"),
        "{refused}"
    );
    // A database error, which might come from the commit.
    let nowhere = LocationId::parse("999999").unwrap();
    let unclear = shop.set_stock(&nowhere, &[good("A-0")]).await.unwrap_err();
    assert_eq!(unclear.class(), FailureClass::Ambiguous, "{unclear}");
    assert_eq!(levels(&world, &shop).await, levels_before);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_is_fulfilled_and_shipped_in_parts() {
    let world = World::named("parts").build().await;
    let shop = world.storefront();
    let order = world.pay_order(&[("A-0", 3), ("A-1", 2)]).await;
    let before = progress(&shop, &order).await;
    assert_eq!(before.code.as_str(), order.code);
    assert_eq!(before.state.as_str(), "PaymentSettled");
    assert_eq!(before.fulfillments, []);
    let skus: Vec<_> = before
        .lines
        .iter()
        .map(|line| (line.id.as_str(), line.sku.as_str(), line.quantity))
        .collect();
    let (first, second) = (order.lines[0].id.as_str(), order.lines[1].id.as_str());
    assert_eq!(skus, [(first, "A-0", 3), (second, "A-1", 2)]);
    assert_eq!(before.lines[1].variant, variant(&world, "A-1"));

    let part = package(&order, &[(0, 2)], "1Z1");
    let part_id = shop.add_fulfillment(&part).await.unwrap();
    let levels = levels(&world, &shop).await;
    assert_eq!(
        levels["A-0"],
        level(99_998, 1),
        "sold and no longer allocated"
    );
    let then = progress(&shop, &order).await;
    assert_eq!(then.state.as_str(), "PaymentSettled");
    assert_eq!(then.fulfillments[0].id, part_id);
    assert_eq!(then.fulfillments[0].state, "Pending");
    assert_eq!(then.fulfillments[0].tracking_code.as_deref(), Some("1Z1"));
    assert_eq!(then.fulfillments[0].lines, part.lines);
    assert_eq!(
        (
            then.unfulfilled_units(&before.lines[0].id),
            then.unfulfilled_units(&before.lines[1].id)
        ),
        (1, 2)
    );

    shop.ship_fulfillment(&part_id).await.unwrap();
    let then = progress(&shop, &order).await;
    assert_eq!(then.state.as_str(), "PartiallyShipped");
    let again = shop.ship_fulfillment(&part_id).await.unwrap_err();
    assert_eq!(refused_code(&again), "FULFILLMENT_STATE_TRANSITION_ERROR");
    assert!(
        again
            .to_string()
            .contains("from \"Shipped\" to \"Shipped\""),
        "{again}"
    );

    let rest = package(&order, &[(0, 1), (1, 2)], "1Z2");
    let rest_id = shop.add_fulfillment(&rest).await.unwrap();
    shop.ship_fulfillment(&rest_id).await.unwrap();
    let then = progress(&shop, &order).await;
    assert_eq!(then.state.as_str(), "Shipped");
    let made: Vec<&FulfillmentId> = then.fulfillments.iter().map(|f| &f.id).collect();
    assert_eq!(made, [&part_id, &rest_id]);
    world.assert_settled().await;
}

#[tokio::test]
async fn invalid_fulfillments_are_refused_with_a_named_error() {
    let world = World::named("refused").build().await;
    let shop = world.storefront();
    let order = world.pay_order(&[("A-0", 2), ("A-1", 5)]).await;
    let whole = package(&order, &[(0, 2)], "1Z1");
    shop.add_fulfillment(&whole).await.unwrap();
    let again = shop.add_fulfillment(&whole).await.unwrap_err();
    assert_eq!(refused_code(&again), "ITEMS_ALREADY_FULFILLED_ERROR");
    assert_eq!(again.class(), FailureClass::Permanent);

    set(&world, &shop, "A-1", 4).await;
    let too_many = package(&order, &[(1, 5)], "1Z2");
    let short = shop.add_fulfillment(&too_many).await.unwrap_err();
    assert_eq!(refused_code(&short), "INSUFFICIENT_STOCK_ON_HAND_ERROR");
    let nothing = package(&order, &[], "1Z3");
    let empty = shop.add_fulfillment(&nothing).await.unwrap_err();
    assert_eq!(refused_code(&empty), "EMPTY_ORDER_LINE_SELECTION_ERROR");

    let mut unknown = package(&order, &[(1, 1)], "1Z4");
    unknown.lines[0].line = LineId::parse("999999").unwrap();
    let unknown = shop.add_fulfillment(&unknown).await.unwrap_err();
    assert!(
        matches!(&unknown, StorefrontError::Graphql { code, .. } if code == "ENTITY_NOT_FOUND")
    );
    assert_eq!(unknown.class(), FailureClass::Permanent);
    let twice = package(&order, &[(1, 2), (1, 2)], "1Z5");
    let twice = shop.add_fulfillment(&twice).await.unwrap_err();
    assert!(
        matches!(twice, StorefrontError::InvalidField { .. }),
        "{twice}"
    );
    let missing = FulfillmentId::parse("999999").unwrap();
    let missing = shop.ship_fulfillment(&missing).await.unwrap_err();
    assert_eq!(missing.class(), FailureClass::Permanent, "{missing}");

    let cancelled = world.pay_order(&[("A-2", 1)]).await;
    world.shop.cancel(&cancelled).await;
    let gone = package(&cancelled, &[(0, 1)], "1Z6");
    let gone = shop.add_fulfillment(&gone).await.unwrap_err();
    assert_eq!(refused_code(&gone), "ITEMS_ALREADY_FULFILLED_ERROR");
    assert_eq!(progress(&shop, &cancelled).await.lines[0].quantity, 0);
    assert_eq!(progress(&shop, &order).await.fulfillments.len(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_cancelled_fulfillment_reverts_everything_but_the_order_state() {
    let world = World::named("taken-back").build().await;
    let shop = world.storefront();
    let order = world.pay_order(&[("A-0", 2)]).await;
    let whole = package(&order, &[(0, 2)], "1Z1");
    let id = shop.add_fulfillment(&whole).await.unwrap();
    shop.ship_fulfillment(&id).await.unwrap();
    assert_eq!(levels(&world, &shop).await["A-0"], level(99_998, 0));
    world.shop.cancel_fulfillment(id.as_str()).await;
    assert_eq!(levels(&world, &shop).await["A-0"], level(100_000, 2));
    let then = progress(&shop, &order).await;
    assert_eq!(
        then.state.as_str(),
        "Shipped",
        "although nothing is shipped any more"
    );
    assert!(then.fulfillments[0].is_cancelled());
    assert_eq!(then.unfulfilled_units(&then.lines[0].id), 2);
    let refused = shop.ship_fulfillment(&id).await.unwrap_err();
    assert_eq!(refused_code(&refused), "FULFILLMENT_STATE_TRANSITION_ERROR");

    let again = shop.add_fulfillment(&whole).await.unwrap();
    shop.ship_fulfillment(&again).await.unwrap();
    let then = progress(&shop, &order).await;
    let states: Vec<&str> = then.fulfillments.iter().map(|f| f.state.as_str()).collect();
    assert_eq!(states, ["Cancelled", "Shipped"]);
    assert_eq!(levels(&world, &shop).await["A-0"], level(99_998, 0));
    world.assert_settled().await;
}

#[tokio::test]
async fn only_orders_of_the_channel_have_progress() {
    let world = World::named("own").build().await;
    let other = World::named("others").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let foreign = other.pay_order(&[("A-0", 1)]).await;
    let shop = world.storefront();
    let ids = [&foreign.id, &order.id, &"2000000000".to_owned()];
    let ids = ids.map(|id| ShopOrderId::parse(id.as_str()).unwrap());
    let page = shop.fulfillment_progress(&ids).await.unwrap();
    let found: Vec<&ShopOrderId> = page.orders.iter().map(|order| &order.id).collect();
    assert_eq!(found, [&ids[1]]);
    assert_eq!(shop.fulfillment_progress(&[]).await.unwrap().orders, []);
    let package = package(&foreign, &[(0, 1)], "1Z1");
    let error = shop.add_fulfillment(&package).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Permanent, "{error}");
    other.assert_settled().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn tracking_fields_are_detected_and_written_independently() {
    let world = World::named("fields").build().await;
    let shop = world.storefront();
    let known = SupportedTrackingFields {
        tracking_code: true,
        carrier: true,
        ship_date: true,
    };
    assert_eq!(shop.supported_tracking_fields().await, Ok(known));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let id = ShopOrderId::parse(&order.id).unwrap();
    let first = TrackingFields {
        tracking_code: Some("1Z1, 1Z2".into()),
        ..TrackingFields::default()
    };
    shop.set_tracking(&id, &first).await.unwrap();
    let rest = TrackingFields {
        tracking_code: None,
        carrier: Some("UPS".into()),
        ship_date: Some("2026-11-20T22:30:00-08:00".parse().unwrap()),
    };
    shop.set_tracking(&id, &rest).await.unwrap();
    let nothing = TrackingFields::default();
    shop.set_tracking(&id, &nothing).await.unwrap();
    let query =
        "query ($id: ID!) { order(id: $id) { customFields { trackingCode carrier shipDate } } }";
    let returned = world
        .shop
        .admin
        .run(query, &json!({ "id": order.id }))
        .await;
    let written = json!({
        "trackingCode": "1Z1, 1Z2", "carrier": "UPS", "shipDate": "2026-11-21T06:30:00.000Z",
    });
    assert_eq!(returned["order"]["customFields"], written);
    let unknown = ShopOrderId::parse("999999").unwrap();
    let error = shop.set_tracking(&unknown, &first).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Permanent, "{error}");
    world.assert_settled().await;
}
