//! The list of shipments, with what is in them.

use super::*;

const ORDER: &str = include_str!("order.xml");

fn charge(order: &str, slip: &str, tracking: &str, shipped: &str) -> String {
    format!(
        "<ShippingCharges><PPSlip>{slip}</PPSlip><OrderId>{order}</OrderId><DateShipped>{shipped}</DateShipped><FreightCarrier>UPS</FreightCarrier><FreightDescription>Ground</FreightDescription><TrackingID>{tracking}</TrackingID><ShippedToAddress1>12 Elm St</ShippedToAddress1></ShippingCharges>"
    )
}

fn charges(rows: &[String]) -> ResponseTemplate {
    let rows = rows.join("\n");
    answer(
        "GetShippingCharge",
        &format!("<GetShippingChargeResult>{rows}</GetShippingChargeResult>"),
    )
}

/// A row as a short text.
fn told(row: &Row<Shipment>) -> String {
    let row = match row {
        Ok(row) => row,
        Err(bad) => return bad.to_string(),
    };
    let items = row.items.as_ref().map(|items| {
        let items = items
            .iter()
            .map(|item| format!("{}x{}", item.quantity.get(), item.sku));
        items.collect::<Vec<_>>().join("+")
    });
    format!(
        "{} id={} {} {:?} {:?} {} {} {}",
        row.order_number,
        row.id.as_deref().unwrap_or("-"),
        row.tracking_number.as_deref().unwrap_or("-"),
        row.carrier.as_deref().unwrap_or("-"),
        row.service.as_deref().unwrap_or("-"),
        row.shipped_at
            .map_or_else(|| "-".into(), |at| at.to_rfc3339()),
        row.status,
        items.unwrap_or_else(|| "?".into()),
    )
}

fn since() -> DateTime<Utc> {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn packages_come_with_what_is_in_them_and_a_bad_row_stops_none() {
    let scene = Scene::new().await;
    let rows = [
        charge("T-1", "9001", "1Z0000000000000003", "2026-11-20T14:06:00"),
        charge("T-1", "9001", "1Z0000000000000002", "2026-11-20T14:05:00"),
        charge("", "9003", "1Z9", "2026-11-20T14:05:00"),
        charge("T-8", "9004", "1Z8", "soon"),
        charge(
            "OTHER",
            "7",
            " left with the\n neighbour, next door ",
            "2026-11-20T14:05:00",
        ),
        charge("OTHER", "", "", ""),
    ];
    scene.on("GetShippingCharge", charges(&rows)).await;
    scene
        .on("GetOrderInfo", answer("GetOrderInfo", ORDER))
        .await;
    let page = scene.client.shipments(since(), None).await.unwrap();
    assert_eq!(page.next, None);
    let rows: Vec<String> = page.rows.iter().map(told).collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    row 2: OrderId is missing
    row 3 (T-8): DateShipped is not a date
    OTHER id=7:left with the neighbour, next door left with the neighbour, next door "UPS" "Ground" 2026-11-20T22:05:00+00:00 Shipped ?
    OTHER id=- - "UPS" "Ground" - Packed ?
    T-1 id=9001:1Z0000000000000003 1Z0000000000000003 "UPS" "Ground" 2026-11-20T22:06:00+00:00 Shipped ?
    T-1 id=9001:1Z0000000000000002 1Z0000000000000002 "UPS" "Ground" 2026-11-20T22:05:00+00:00 Shipped 2xMUG-1
    T-1 id=- 1Z0000000000000001 "UPS" "-" 2026-11-20T21:05:00+00:00 Void ?
    "#);
    // Each order is asked for once.
    assert_eq!(scene.requests().await.len(), 3);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_stops_no_other_and_an_outage_stops_all() {
    let scene = Scene::new().await;
    let rows = [charge("T-1", "9001", "1Z1", "2026-11-20T14:05:00")];
    scene.on("GetShippingCharge", charges(&rows)).await;
    scene
        .on("GetOrderInfo", fault(500, "No access rights known, sorry"))
        .await;
    let refused = scene.client.shipments(since(), None).await;
    // "No access" is about us.
    assert!(refused.is_err());
    let scene = Scene::new().await;
    scene.on("GetShippingCharge", charges(&rows)).await;
    scene.on("GetOrderInfo", fault(500, "Order is odd")).await;
    let page = scene.client.shipments(since(), None).await.unwrap();
    let rows_told: Vec<String> = page.rows.iter().map(told).collect();
    assert_eq!(
        rows_told,
        ["T-1 id=9001:1Z1 1Z1 \"UPS\" \"Ground\" 2026-11-20T22:05:00+00:00 Shipped ?"]
    );
    let scene = Scene::new().await;
    scene.on("GetShippingCharge", charges(&rows)).await;
    scene.on("GetOrderInfo", ResponseTemplate::new(500)).await;
    assert!(scene.client.shipments(since(), None).await.is_err());
}

#[tokio::test]
async fn days_are_asked_for_page_by_page() {
    let scene = Scene::new().await;
    scene.on("GetShippingCharge", charges(&[])).await;
    let since = "2026-11-16T10:00:00Z".parse().unwrap();
    let first = scene.client.shipments(since, None).await.unwrap();
    let second = scene
        .client
        .shipments(since, first.next.as_ref())
        .await
        .unwrap();
    let third = scene
        .client
        .shipments(since, second.next.as_ref())
        .await
        .unwrap();
    assert_eq!(third.next, None);
    let days: Vec<String> = scene
        .sent()
        .await
        .iter()
        .map(|body| {
            let from = body.find("<StartDate>").unwrap();
            let to = body.find("</EndDate>").unwrap();
            body[from..to].to_owned()
        })
        .collect();
    insta::assert_snapshot!(days.join("\n"), @"
    <StartDate>2026-11-15T00:00:00</StartDate><EndDate>2026-11-18T00:00:00
    <StartDate>2026-11-18T00:00:00</StartDate><EndDate>2026-11-21T00:00:00
    <StartDate>2026-11-21T00:00:00</StartDate><EndDate>2026-11-22T00:00:00
    ");
    let foreign = PageRef::new("https://v.example/2");
    assert!(scene.client.shipments(since, Some(&foreign)).await.is_err());
}

#[tokio::test]
async fn a_refused_list_is_a_clear_error() {
    let scene = Scene::new().await;
    scene
        .on("GetShippingCharge", fault(500, "Range is too long"))
        .await;
    let error = scene.client.shipments(since(), None).await.unwrap_err();
    assert_eq!(error.class(), crate::domain::Class::Permanent);
    assert_eq!(
        error.to_string(),
        "VeraCore shipments: refused: Range is too long"
    );
}
