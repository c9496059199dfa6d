//! Stock, all at once and of one SKU.

use super::*;

fn offers(rows: &str) -> ResponseTemplate {
    answer(
        "GetOffers",
        &format!("<GetOffersResult>{rows}</GetOffersResult>"),
    )
}

fn sku(sku: &str) -> Sku {
    Sku::parse(sku).unwrap()
}

/// A row as a short text.
fn told(row: &Row<StockItem>) -> String {
    match row {
        Ok(item) => format!("{} {}", item.sku, item.available.get()),
        Err(bad) if bad.in_quantity => format!("doubt: {bad}"),
        Err(bad) => bad.to_string(),
    }
}

#[tokio::test]
async fn the_feed_is_the_offers() {
    let scene = Scene::new().await;
    let rows = "<GetOfferResult><ID>A &amp; B</ID><Description>x</Description><Available>45</Available></GetOfferResult>
        <GetOfferResult><ID>POD</ID><Available xsi:nil=\"true\" /></GetOfferResult>
        <GetOfferResult><ID>NEG</ID><Available>-3</Available></GetOfferResult>
        <GetOfferResult><ID>HALF</ID><Available>1.5</Available></GetOfferResult>
        <GetOfferResult><Available>1</Available></GetOfferResult>
        <GetOfferResult><ID>EMPTY</ID><Available></Available></GetOfferResult>
        <GetOfferResult><ID>Z</ID><Available>0</Available></GetOfferResult>";
    scene.on("GetOffers", offers(rows)).await;
    let page = scene.client.inventory(None).await.unwrap();
    assert_eq!(page.next, None);
    let rows: Vec<String> = page.rows.iter().map(told).collect();
    insta::assert_snapshot!(rows.join("\n"), @"
    A & B 45
    row 1 (POD): Available is null
    doubt: row 2 (NEG): Available: -3 is negative
    doubt: row 3 (HALF): Available: 1.5 is not a whole number
    row 4: ID is missing
    row 5 (EMPTY): Available is null
    Z 0
    ");
}

#[tokio::test]
async fn a_list_of_one_and_a_list_of_none() {
    let scene = Scene::new().await;
    let one = "<GetOfferResult><ID>A</ID><Available>1</Available></GetOfferResult>";
    scene.on("GetOffers", offers(one)).await;
    assert_eq!(scene.client.inventory(None).await.unwrap().rows.len(), 1);
    let scene = Scene::new().await;
    scene.on("GetOffers", offers("")).await;
    assert!(scene.client.inventory(None).await.unwrap().rows.is_empty());
    // Null is neither.
    let scene = Scene::new().await;
    scene.on("GetOffers", answer("GetOffers", "")).await;
    let error = scene.client.inventory(None).await.unwrap_err();
    assert!(
        error.to_string().ends_with("GetOffersResult is missing"),
        "{error}"
    );
    let foreign = PageRef::new("2");
    assert!(scene.client.inventory(Some(&foreign)).await.is_err());
}

#[tokio::test]
async fn one_offer_is_the_one_of_that_very_name() {
    let scene = Scene::new().await;
    let rows = "<GetOfferResult><ID>MUG-10</ID><Available>9</Available></GetOfferResult><GetOfferResult><ID>MUG-1</ID><Available>5</Available></GetOfferResult><GetOfferResult><ID>POD</ID></GetOfferResult>";
    scene.on("GetOffers", offers(rows)).await;
    let of = async |name: &str| scene.client.inventory_of(&sku(name)).await.unwrap();
    assert_eq!(told(&of("MUG-1").await.unwrap()), "MUG-1 5");
    assert_eq!(
        told(&of("POD").await.unwrap()),
        "row 2 (POD): Available is null"
    );
    assert_eq!(of("mug-1").await, None);
    assert_eq!(of("M[U]G%").await, None);
    let sent = scene.sent().await;
    assert!(sent[3].contains("<searchString>M_U]G%</searchString>"));
}

const LEVELS: &str = "<GetProductAvailabilitiesResult><ProductAvailabilities><Warehouses>
    <WarehouseLevels><Warehouse><ID>EAST</ID></Warehouse><PartNumber>MUG-1</PartNumber><OnHand>10</OnHand><Reserved>2</Reserved><Available>7</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>WEST</ID></Warehouse><PartNumber>MUG-1</PartNumber><OnHand>-1</OnHand><Reserved>1</Reserved><Available>4</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>EAST</ID></Warehouse><PartNumber>MUG-10</PartNumber><Available>100</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>SOUTH</ID></Warehouse><PartNumber>BAD</PartNumber><Available>-1</Available></WarehouseLevels>
    </Warehouses></ProductAvailabilities></GetProductAvailabilitiesResult>";

async fn product(warehouses: &[&str], name: &str) -> Option<Row<StockItem>> {
    let scene = Scene::with(|settings| {
        settings.stock = StockSource::Products;
        settings.warehouses = warehouses.iter().map(|w| (*w).to_owned()).collect();
    })
    .await;
    let levels = answer("GetProductAvailabilities", LEVELS);
    scene.on("GetProductAvailabilities", levels).await;
    scene.client.inventory_of(&sku(name)).await.unwrap()
}

#[tokio::test]
async fn the_warehouses_that_count_are_added_up() {
    let item = product(&[], "MUG-1").await.unwrap().unwrap();
    assert_eq!(item.available.get(), 11);
    assert_eq!(item.reserved.map(crate::domain::Units::get), Some(3));
    // One that makes no sense is not counted as nothing.
    assert_eq!(item.on_hand, None);
    let item = product(&["EAST"], "MUG-1").await.unwrap().unwrap();
    assert_eq!((item.available.get(), item.on_hand.unwrap().get()), (7, 10));
    let item = product(&["NORTH"], "MUG-1").await.unwrap().unwrap();
    assert_eq!(item.available.get(), 0);
    let bad = product(&[], "BAD").await.unwrap();
    assert_eq!(told(&bad), "doubt: row 0 (BAD): Available: -1 is negative");
    assert_eq!(product(&[], "NONE").await, None);
}
