//! Stock: the whole feed, and one SKU.

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
fn describe(row: &FeedRow<StockItem>) -> String {
    match row {
        Ok(item) => format!("{} {}", item.sku, item.available.get()),
        Err(bad) if bad.is_quantity_error => format!("doubt: {bad}"),
        Err(bad) => bad.to_string(),
    }
}

#[tokio::test]
async fn the_feed_is_the_offers() {
    let fixture = OmsFixture::new().await;
    let rows = "<GetOfferResult><ID>A &amp; B</ID><Description>x</Description><Available>45</Available></GetOfferResult>
        <GetOfferResult><ID>POD</ID><Available xsi:nil=\"true\" /></GetOfferResult>
        <GetOfferResult><ID>NEG</ID><Available>-3</Available></GetOfferResult>
        <GetOfferResult><ID>HALF</ID><Available>1.5</Available></GetOfferResult>
        <GetOfferResult><Available>1</Available></GetOfferResult>
        <GetOfferResult><ID>EMPTY</ID><Available></Available></GetOfferResult>
        <GetOfferResult><ID>Z</ID><Available>0</Available></GetOfferResult>";
    fixture.on("GetOffers", offers(rows)).await;
    let page = fixture.client.inventory_page(None).await.unwrap();
    assert_eq!(page.next, None);
    let rows: Vec<String> = page.rows.iter().map(describe).collect();
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
    let fixture = OmsFixture::new().await;
    let one = "<GetOfferResult><ID>A</ID><Available>1</Available></GetOfferResult>";
    fixture.on("GetOffers", offers(one)).await;
    assert_eq!(
        fixture
            .client
            .inventory_page(None)
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    let fixture = OmsFixture::new().await;
    fixture.on("GetOffers", offers("")).await;
    assert!(
        fixture
            .client
            .inventory_page(None)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    // Null is neither.
    let fixture = OmsFixture::new().await;
    fixture.on("GetOffers", answer("GetOffers", "")).await;
    let error = fixture.client.inventory_page(None).await.unwrap_err();
    assert!(
        error.to_string().ends_with("GetOffersResult is missing"),
        "{error}"
    );
    let foreign = PageCursor::new("2");
    assert!(fixture.client.inventory_page(Some(&foreign)).await.is_err());
}

#[tokio::test]
async fn only_the_offer_with_the_exact_id_is_found() {
    let fixture = OmsFixture::new().await;
    let rows = "<GetOfferResult><ID>MUG-10</ID><Available>9</Available></GetOfferResult><GetOfferResult><ID>MUG-1</ID><Available>5</Available></GetOfferResult><GetOfferResult><ID>POD</ID></GetOfferResult>";
    fixture.on("GetOffers", offers(rows)).await;
    let of = async |name: &str| fixture.client.find_stock_item(&sku(name)).await.unwrap();
    assert_eq!(describe(&of("MUG-1").await.unwrap()), "MUG-1 5");
    assert_eq!(
        describe(&of("POD").await.unwrap()),
        "row 2 (POD): Available is null"
    );
    assert_eq!(of("mug-1").await, None);
    assert_eq!(of("M[U]G%").await, None);
    let sent = fixture.sent_bodies().await;
    assert!(sent[3].contains("<searchString>M_U]G%</searchString>"));
}

const LEVELS: &str = "<GetProductAvailabilitiesResult><ProductAvailabilities><Warehouses>
    <WarehouseLevels><Warehouse><ID>EAST</ID></Warehouse><PartNumber>MUG-1</PartNumber><OnHand>10</OnHand><Reserved>2</Reserved><Available>7</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>WEST</ID></Warehouse><PartNumber>MUG-1</PartNumber><OnHand>-1</OnHand><Reserved>1</Reserved><Available>4</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>EAST</ID></Warehouse><PartNumber>MUG-10</PartNumber><Available>100</Available></WarehouseLevels>
    <WarehouseLevels><Warehouse><ID>SOUTH</ID></Warehouse><PartNumber>BAD</PartNumber><Available>-1</Available></WarehouseLevels>
    </Warehouses></ProductAvailabilities></GetProductAvailabilitiesResult>";

async fn product(warehouses: &[&str], name: &str) -> Option<FeedRow<StockItem>> {
    let fixture = OmsFixture::with(|settings| {
        settings.stock_source = StockSource::Products;
        settings.warehouses = warehouses.iter().map(|w| (*w).to_owned()).collect();
    })
    .await;
    let levels = answer("GetProductAvailabilities", LEVELS);
    fixture.on("GetProductAvailabilities", levels).await;
    fixture.client.find_stock_item(&sku(name)).await.unwrap()
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
    assert_eq!(
        describe(&bad),
        "doubt: row 0 (BAD): Available: -1 is negative"
    );
    assert_eq!(product(&[], "NONE").await, None);
}

/// A product with this quantity at EAST and one unit at WEST.
fn stocked(sku: &str, east: &str) -> ResponseTemplate {
    let level = |warehouse: &str, available: &str| {
        format!(
            "<WarehouseLevels><Warehouse><ID>{warehouse}</ID></Warehouse><PartNumber>{sku}</PartNumber><Available>{available}</Available></WarehouseLevels>"
        )
    };
    let levels = format!("{}{}", level("EAST", east), level("WEST", "1"));
    answer(
        "GetProductAvailabilities",
        &format!(
            "<GetProductAvailabilitiesResult><ProductAvailabilities><Warehouses>{levels}</Warehouses></ProductAvailabilities></GetProductAvailabilitiesResult>"
        ),
    )
}

fn no_levels() -> ResponseTemplate {
    answer(
        "GetProductAvailabilities",
        "<GetProductAvailabilitiesResult />",
    )
}

/// Offers of these ids, and the products among them.
async fn products(offers: &[&str], products: &[(&str, ResponseTemplate)]) -> OmsFixture {
    let fixture = OmsFixture::with(|settings| {
        settings.stock_source = StockSource::Products;
        settings.warehouses = ["EAST".to_owned()].into();
        settings.limits.max_concurrency = 3;
    })
    .await;
    let rows = offers.iter().map(|id| {
        format!("<GetOfferResult><ID>{id}</ID><Available>99</Available></GetOfferResult>")
    });
    let rows: String = rows.collect();
    fixture.on("GetOffers", self::offers(&rows)).await;
    for (sku, answer) in products {
        Mock::given(body_string_contains(format!(
            "<partNumber>{sku}</partNumber>"
        )))
        .respond_with(answer.clone())
        .mount(&fixture.server)
        .await;
    }
    fixture
}

/// The number of pages, and their rows.
async fn read_all_pages(fixture: &OmsFixture) -> Result<(usize, Vec<String>), ProviderError> {
    let mut rows = Vec::new();
    let mut next = None;
    for pages in 1.. {
        let page = fixture.client.inventory_page(next.as_ref()).await?;
        rows.extend(page.rows.iter().map(describe));
        next = page.next;
        if next.is_none() {
            return Ok((pages, rows));
        }
    }
    unreachable!()
}

#[tokio::test]
async fn the_feed_of_products_counts_the_chosen_warehouses() {
    let fixture = products(
        &["A", "KIT", "POD", "B &amp; B", "A", "NEG", ""],
        &[
            ("A", stocked("A", "7")),
            ("KIT", no_levels()),
            ("POD", fault(500, "Part number POD does not exist.")),
            ("B &amp; B", stocked("B &amp; B", "0")),
            ("NEG", stocked("NEG", "-2")),
        ],
    )
    .await;
    let (pages, rows) = read_all_pages(&fixture).await.unwrap();
    assert_eq!(pages, 1);
    insta::assert_snapshot!(rows.join("\n"), @r"
    row 6: ID is missing
    A 7
    row 1 (KIT): no product has this offer's id (kits, print on demand and drop shipments have none): its stock is unknown
    row 2 (POD): no product has this offer's id (kits, print on demand and drop shipments have none): its stock is unknown
    B & B 0
    doubt: row 4 (NEG): Available: -2 is negative
    ");
    // An offer that is listed twice is asked for once.
    assert_eq!(fixture.sent_bodies().await.len(), 1 + 5);
}

#[tokio::test]
async fn products_are_requested_page_by_page_each_once() {
    let names: Vec<String> = (0..120).map(|at| format!("P{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answers: Vec<_> = names.iter().map(|sku| (*sku, stocked(sku, "5"))).collect();
    let fixture = products(&names, &answers).await;
    let (pages, rows) = read_all_pages(&fixture).await.unwrap();
    let expected: Vec<String> = names.iter().map(|sku| format!("{sku} 5")).collect();
    assert_eq!((pages, rows), (3, expected));
    assert_eq!(fixture.sent_bodies().await.len(), 1 + 120);
    let foreign = PageCursor::new("2026-11-20");
    let error = fixture
        .client
        .inventory_page(Some(&foreign))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ProviderError::NotSendable { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn one_failed_product_fails_its_page() {
    for (answer, words) in [
        (
            fault(500, "Owner ACME is unknown"),
            "B: Owner ACME is unknown",
        ),
        (fault(500, "Timeout expired"), "B: Timeout expired"),
        (html(502), "502"),
        (xml(200, "<soap"), "not well-formed"),
        (fault(500, "No permission for this"), "No permission"),
    ] {
        let fixture = products(
            &["A", "B", "C"],
            &[
                ("A", stocked("A", "7")),
                ("B", answer),
                ("C", stocked("C", "1")),
            ],
        )
        .await;
        let error = read_all_pages(&fixture).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
