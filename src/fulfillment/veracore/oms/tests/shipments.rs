//! The list of shipments and their contents.

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
fn describe(row: &FeedRow<Shipment>) -> String {
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
async fn parcels_have_their_contents_and_an_invalid_row_stops_none() {
    let fixture = OmsFixture::new().await;
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
    fixture.on("GetShippingCharge", charges(&rows)).await;
    fixture
        .on("GetOrderInfo", answer("GetOrderInfo", ORDER))
        .await;
    let page = fixture.client.shipments_page(since(), None).await.unwrap();
    assert_eq!(page.next, None);
    let rows: Vec<String> = page.rows.iter().map(describe).collect();
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
    assert_eq!(fixture.requests().await.len(), 3);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_stops_no_other_and_an_outage_stops_all() {
    let fixture = OmsFixture::new().await;
    let rows = [charge("T-1", "9001", "1Z1", "2026-11-20T14:05:00")];
    fixture.on("GetShippingCharge", charges(&rows)).await;
    fixture
        .on("GetOrderInfo", fault(500, "No access rights known, sorry"))
        .await;
    let refused = fixture.client.shipments_page(since(), None).await;
    // "No access" is about us.
    assert!(refused.is_err());
    let fixture = OmsFixture::new().await;
    fixture.on("GetShippingCharge", charges(&rows)).await;
    fixture.on("GetOrderInfo", fault(500, "Order is odd")).await;
    let page = fixture.client.shipments_page(since(), None).await.unwrap();
    let rows_told: Vec<String> = page.rows.iter().map(describe).collect();
    assert_eq!(
        rows_told,
        ["T-1 id=9001:1Z1 1Z1 \"UPS\" \"Ground\" 2026-11-20T22:05:00+00:00 Shipped ?"]
    );
    // VeraCore stumbles over one or two, or is down.
    for (orders, is_told) in [(1, true), (2, true), (3, false)] {
        let listed: Vec<String> = (0..orders)
            .map(|n| charge(&format!("T-{n}"), "9001", "1Z1", "2026-11-20T14:05:00"))
            .collect();
        let fixture = OmsFixture::new().await;
        fixture.on("GetShippingCharge", charges(&listed)).await;
        fixture.on("GetOrderInfo", ResponseTemplate::new(500)).await;
        let page = fixture.client.shipments_page(since(), None).await;
        assert_eq!(page.is_ok(), is_told, "{orders} orders: {page:?}");
        assert!(page.is_err() || page.unwrap().rows.len() == orders);
    }
}

#[tokio::test]
async fn days_are_requested_page_by_page() {
    let fixture = OmsFixture::new().await;
    fixture.on("GetShippingCharge", charges(&[])).await;
    let since = "2026-11-16T10:00:00Z".parse().unwrap();
    let first = fixture.client.shipments_page(since, None).await.unwrap();
    let second = fixture
        .client
        .shipments_page(since, first.next.as_ref())
        .await
        .unwrap();
    let third = fixture
        .client
        .shipments_page(since, second.next.as_ref())
        .await
        .unwrap();
    assert_eq!(third.next, None);
    let days: Vec<String> = fixture
        .sent_bodies()
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
    let foreign = PageCursor::new("https://v.example/2");
    assert!(
        fixture
            .client
            .shipments_page(since, Some(&foreign))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_refused_list_is_a_clear_error() {
    let fixture = OmsFixture::new().await;
    fixture
        .on("GetShippingCharge", fault(500, "Range is too long"))
        .await;
    let error = fixture
        .client
        .shipments_page(since(), None)
        .await
        .unwrap_err();
    assert_eq!(error.class(), crate::domain::FailureClass::Permanent);
    assert_eq!(
        error.to_string(),
        "VeraCore shipments: refused: Range is too long"
    );
}

/// A fixture that lists these parcels for any days.
async fn mount_charges(fixture: &OmsFixture, rows: &[String]) {
    fixture.server.reset().await;
    fixture.on("GetShippingCharge", charges(rows)).await;
    fixture
        .on("GetOrderInfo", answer("GetOrderInfo", ORDER))
        .await;
}

/// The number of orders that one read requested.
async fn order_info_requests(fixture: &OmsFixture) -> usize {
    let before = fixture.sent_bodies().await.len();
    let page = fixture.client.shipments_page(since(), None).await.unwrap();
    let lines = page.rows.iter().flatten().filter(|row| row.items.is_some());
    let lines = lines.count();
    assert_ne!(lines, 0, "every read lists the items");
    let sent = fixture.sent_bodies().await.split_off(before);
    let order = |body: &&String| body.contains("<GetOrderInfo ");
    sent.iter().filter(order).count()
}

#[tokio::test]
async fn an_order_is_requested_again_when_its_parcels_change_or_after_hours() {
    let fixture = OmsFixture::new().await;
    let second = charge("T-1", "9001", "1Z0000000000000002", "2026-11-20T14:05:00");
    let third = charge("T-1", "9001", "1Z0000000000000003", "2026-11-20T14:06:00");
    mount_charges(&fixture, std::slice::from_ref(&second)).await;
    assert_eq!(
        (
            order_info_requests(&fixture).await,
            order_info_requests(&fixture).await
        ),
        (1, 0)
    );
    mount_charges(&fixture, &[second.clone(), third.clone()]).await;
    assert_eq!(
        (
            order_info_requests(&fixture).await,
            order_info_requests(&fixture).await
        ),
        (1, 0)
    );
    fixture.clock.advance(chrono::TimeDelta::hours(6));
    assert_eq!(
        (
            order_info_requests(&fixture).await,
            order_info_requests(&fixture).await
        ),
        (1, 0)
    );
    // One is taken back, which this system's list tells.
    let voided = "<DateVoided>2026-11-20T15:00:00</DateVoided></ShippingCharges>";
    let void = third.replace("</ShippingCharges>", voided);
    mount_charges(&fixture, &[second.clone(), void]).await;
    assert_eq!(
        (
            order_info_requests(&fixture).await,
            order_info_requests(&fixture).await
        ),
        (1, 0)
    );
    // The list is ahead of the order: its package may come.
    let ahead = charge("T-1", "9002", "1Z0000000000000004", "2026-11-20T15:06:00");
    mount_charges(&fixture, &[second, ahead]).await;
    assert_eq!(
        (
            order_info_requests(&fixture).await,
            order_info_requests(&fixture).await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_package_that_the_list_calls_void_is_void() {
    let fixture = OmsFixture::new().await;
    let voided = "<DateVoided>2026-11-20T15:00:00</DateVoided></ShippingCharges>";
    let unset = "<DateVoided>0001-01-01T00:00:00</DateVoided></ShippingCharges>";
    let row = |slip: &str, date: &str| {
        let row = charge("T-9", slip, &format!("N{slip}"), "2026-11-20T14:05:00");
        row.replace("</ShippingCharges>", date)
    };
    let rows = [row("1", voided), row("2", unset)];
    fixture.on("GetShippingCharge", charges(&rows)).await;
    fixture.on("GetOrderInfo", fault(500, "Order is odd")).await;
    let page = fixture.client.shipments_page(since(), None).await.unwrap();
    let status: Vec<&str> = page
        .rows
        .iter()
        .flatten()
        .map(|r| r.status.as_str())
        .collect();
    assert_eq!(status, ["Void", "Shipped"]);
}

#[tokio::test]
async fn many_orders_of_a_few_days_span_several_pages() {
    let fixture = OmsFixture::new().await;
    let mut rows: Vec<String> = (0..230)
        .map(|at| {
            charge(
                &format!("O-{at:03}"),
                "1",
                &format!("N{at}"),
                "2026-11-20T14:05:00",
            )
        })
        .collect();
    rows.push(charge("", "1", "N", "2026-11-20T14:05:00"));
    fixture.on("GetShippingCharge", charges(&rows)).await;
    fixture.on("GetOrderInfo", fault(500, "Order is odd")).await;
    let (mut orders, mut bad, mut pages, mut next) = (Vec::new(), 0, 0, None);
    loop {
        let page = fixture
            .client
            .shipments_page(since(), next.as_ref())
            .await
            .unwrap();
        assert!(page.rows.len() <= 101);
        bad += page.rows.iter().filter(|row| row.is_err()).count();
        orders.extend(page.rows.into_iter().flatten().map(|row| row.order_number));
        pages += 1;
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let expected: Vec<OrderCode> = (0..230).map(|at| code(&format!("O-{at:03}"))).collect();
    assert_eq!((orders, bad, pages), (expected, 1, 3));
}
