//! Stock and shipments.

use super::*;
use crate::{
    domain::{ErrorCategory, Units},
    fulfillment::{RowError, ShipmentItem},
};

fn units(units: u32) -> Units {
    Units::new(units).unwrap()
}

fn since() -> DateTime<Utc> {
    "2026-11-20T10:00:00.9Z".parse().unwrap()
}

async fn stock(body: &str) -> Result<FeedPage<StockItem>, ProviderError> {
    let fixture = RestFixture::basic().await;
    let feed = ResponseTemplate::new(200).set_body_string(body);
    fixture.on("GET", "inventory", feed).await;
    fixture.client.inventory_page(None).await
}

async fn shipped(body: Value) -> Result<FeedPage<Shipment>, ProviderError> {
    let fixture = RestFixture::basic().await;
    fixture.on("GET", "shipments", answer(200, body)).await;
    fixture.client.shipments_page(since(), None).await
}

#[tokio::test]
async fn a_bad_row_stops_no_other() {
    let page = stock(
        r#"[
        {"SKU":"A","AvailableQuantity":45.0,"ReservedQuantity":3,"OnHandQuantity":48},
        {"SKU":"B","AvailableQuantity":-1},
        {"SKU":"C","AvailableQuantity":1.5},
        {"SKU":"D","AvailableQuantity":"7"},
        {"SKU":"E","AvailableQuantity":null},
        {"SKU":17,"AvailableQuantity":1},
        {"AvailableQuantity":1},
        {"SKU":" ","AvailableQuantity":1},
        {"SKU":"F","AvailableQuantity":1,"OnHandQuantity":-4},
        {"SKU":"G","AvailableQuantity":1,"AvailableQuantity":2},
        7,
        {"SKU":"Z","AvailableQuantity":1e2}]"#,
    )
    .await
    .unwrap();
    assert_eq!(page.next, None);
    let good: Vec<_> = page
        .rows
        .iter()
        .filter_map(|row| row.as_ref().ok())
        .collect();
    let item = |sku, available, reserved, on_hand| StockItem {
        sku: Sku::parse(sku).unwrap(),
        available: units(available),
        reserved,
        on_hand,
    };
    assert_eq!(
        good,
        [
            &item("A", 45, Some(units(3)), Some(units(48))),
            &item("Z", 100, None, None)
        ]
    );
    let bad: Vec<_> = page
        .rows
        .iter()
        .filter_map(|row| row.as_ref().err().map(RowError::to_string))
        .collect();
    insta::assert_snapshot!(bad.join("\n"), @r#"
    row 1 (B): AvailableQuantity: -1 is negative
    row 2 (C): AvailableQuantity: 1.5 is not a whole number
    row 3 (D): AvailableQuantity: it is not a number
    row 4 (E): AvailableQuantity is missing
    row 5: SKU is not a text
    row 6: SKU is missing
    row 7: SKU: the SKU is empty
    row 8 (F): OnHandQuantity: -4 is negative
    row 9: it has a field twice
    row 10: it is not an object
    "#);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let fixture = RestFixture::oauth2().await;
    fixture
        .on("POST", "token", answer(200, json!({"access_token": "t"})))
        .await;
    let row = |sku: &str| json!({"SKU": sku, "AvailableQuantity": 1});
    for (page, next) in [(2, json!("?page=3")), (3, json!(null))] {
        Mock::given(path("/vc/api/inventory"))
            .and(wiremock::matchers::query_param("page", page.to_string()))
            .respond_with(answer(
                200,
                json!({"Items": [row(&page.to_string())], "NextPage": next}),
            ))
            .mount(&fixture.server)
            .await;
    }
    let next = format!("{}/vc/api/inventory?page=2", fixture.server.uri());
    let first = json!({"Items": [row("1")], "NextPage": next});
    fixture.on("GET", "inventory", answer(200, first)).await;

    let mut seen = Vec::new();
    let mut next = None;
    loop {
        let page = fixture.client.inventory_page(next.as_ref()).await.unwrap();
        seen.extend(
            page.rows
                .into_iter()
                .map(|row| row.unwrap().sku.to_string()),
        );
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["1", "2", "3"]);
    for request in fixture.requests("inventory").await {
        assert_eq!(request.headers["authorization"], "Bearer t");
    }
}

#[tokio::test]
async fn a_next_page_elsewhere_or_nowhere_is_an_error() {
    for (next, problem) in [
        (
            json!("https://evil.example/a?k=v"),
            "leads to https://evil.example, but credentials",
        ),
        (
            json!("/vc/api/inventory"),
            "NextPage is the same page again",
        ),
        (json!(2), "NextPage is not a text"),
    ] {
        let error = stock(&json!({"Items": [], "NextPage": next}).to_string())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(error.category(), ErrorCategory::Upstream);
    }
    let foreign = PageCursor::new("https://evil.example/a");
    let fixture = RestFixture::basic().await;
    assert!(fixture.client.inventory_page(Some(&foreign)).await.is_err());
}

#[tokio::test]
async fn an_error_is_never_an_empty_list() {
    assert_eq!(stock("[]").await.unwrap().rows, []);
    for body in [
        "",
        "null",
        "{}",
        "7",
        r#"{"Items":null}"#,
        r#"{"Items":{}}"#,
        r#"{"Items":[],"Items":[]}"#,
        r#"{"error":"down"}"#,
        "[{\"SKU\":\"A\"",
        "<html></html>",
        "\u{0}",
    ] {
        let error = stock(body).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("VeraCore inventory: invalid response: "),
            "{text}"
        );
    }
    let fixture = RestFixture::basic().await;
    fixture.on("GET", "inventory", answer(404, json!({}))).await;
    assert!(fixture.client.inventory_page(None).await.is_err());
}

#[tokio::test]
async fn one_sku_is_known_unknown_or_unclear() {
    let sku = Sku::parse("a/b").unwrap();
    let with = async |answer: ResponseTemplate| {
        let fixture = RestFixture::basic().await;
        fixture.on("GET", "inventory/a%2Fb", answer).await;
        fixture.client.find_stock_item(&sku).await
    };
    let body = |sku: &str| json!({"SKU": sku, "AvailableQuantity": 4});
    let known = with(answer(200, body("a/b"))).await.unwrap().unwrap();
    assert_eq!(known.unwrap().available, units(4));
    let bad = with(answer(200, json!({"SKU": "a/b"}))).await.unwrap();
    assert_eq!(
        bad.unwrap().unwrap_err().problem,
        "AvailableQuantity is missing"
    );
    assert_eq!(with(ResponseTemplate::new(404)).await, Ok(None));
    assert!(with(html(404)).await.is_err());
    assert!(with(answer(200, body("A/B"))).await.is_err());
    let refused = with(answer(403, json!({}))).await.unwrap_err();
    assert!(refused.to_string().contains("no access to inventory"));
    assert_eq!(refused.category(), ErrorCategory::Auth);
}

#[tokio::test]
async fn shipments_are_read_with_what_they_leave_out() {
    let fixture = RestFixture::basic().await;
    let body = json!([
        {
            "ShipmentId": 5, "OrderNumber": "T-1", "TrackingNumber": " 1Z9\n", "Carrier": "UPS",
            "Service": "Ground", "ShipDate": "2026-11-20", "Status": "Shipped",
            "Items": [{"SKU": "A", "Quantity": 2.0}, {"SKU": "B", "Quantity": 0}],
        },
        {"OrderNumber": "T-2", "TrackingNumber": " ", "ShipDate": "0001-01-01T00:00:00", "Status": "Void"},
    ]);
    fixture.on("GET", "shipments", answer(200, body)).await;
    let page = fixture.client.shipments_page(since(), None).await.unwrap();
    let asked = &fixture.requests("shipments").await[0];
    let from: Vec<_> = asked.url.query_pairs().collect();
    assert_eq!(from, [("from".into(), "2026-11-20T10:00:00Z".into())]);

    let first = page.rows[0].as_ref().unwrap();
    let item = ShipmentItem {
        sku: Sku::parse("A").unwrap(),
        quantity: Quantity::new(2).unwrap(),
    };
    assert_eq!(first.id.as_deref(), Some("5"));
    assert_eq!(first.tracking_number.as_deref(), Some("1Z9"));
    assert_eq!(first.shipped_at, "2026-11-20T08:00:00Z".parse().ok());
    assert_eq!(first.items, Some(vec![item]));
    let second = Shipment {
        id: None,
        order_number: code("T-2"),
        tracking_number: None,
        carrier: None,
        service: None,
        shipped_at: None,
        status: "Void".into(),
        items: None,
    };
    assert_eq!(page.rows[1], Ok(second));
}

#[tokio::test]
async fn bad_shipments_name_their_order_and_field() {
    let row = |field: &str, value: Value| {
        let mut row = json!({"OrderNumber": "T-1", "Status": "Shipped"});
        row[field] = value;
        row
    };
    let page = shipped(json!([
        row("TrackingNumber", json!("1Z\u{1b}[2J")),
        row("TrackingNumber", json!("9".repeat(256))),
        row("TrackingNumber", json!(9_400_110)),
        row("ShipDate", json!("yesterday")),
        row("ShipmentId", json!(1.5)),
        row("Status", json!(null)),
        row("OrderNumber", json!("")),
        row("Items", json!({})),
        row(
            "Items",
            json!([{"SKU": "A", "Quantity": 1}, {"SKU": "B", "Quantity": -1}])
        ),
        row("Items", json!([{"Quantity": 1}])),
        row("Items", json!([7])),
    ]))
    .await
    .unwrap();
    let bad: Vec<_> = page
        .rows
        .into_iter()
        .map(|row| row.unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(bad.join("\n"), @r#"
    row 0 (T-1): TrackingNumber contains a control character
    row 1 (T-1): TrackingNumber is 256 characters long
    row 2 (T-1): TrackingNumber is not a text
    row 3 (T-1): ShipDate is not a date
    row 4 (T-1): ShipmentId is not a text or an integer
    row 5 (T-1): Status is missing
    row 6: OrderNumber: the order code is empty
    row 7 (T-1): Items is not a list
    row 8 (T-1): Items[1].Quantity: -1 is negative
    row 9 (T-1): Items[0].SKU is missing
    row 10 (T-1): Items[0]: it is not an object
    "#);
}
