//! `GetOrderInfo`: flags of each status, pick slips, packages and their dates.

use super::*;
use crate::sandbox::{FAKE_CARD, Item};

/// The flags that are true, in the WSDL's sequence; all twelve are always there.
fn flags(xml: &str) -> String {
    let (_, rest) = xml.split_once("<Status><Unapproved>").unwrap();
    let (status, _) = rest.split_once("</Status>").unwrap();
    let status = format!("<Unapproved>{status}");
    assert_eq!(status.matches("</").count(), 12);
    status
        .split("</")
        .filter_map(|flag| flag.rsplit('<').next()?.strip_suffix(">true"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn package(tracking: &str, quantity: u32) -> NewPackage {
    NewPackage {
        tracking_number: Some(tracking.into()),
        items: Some(vec![Item {
            sku: "X".into(),
            quantity,
        }]),
        ..NewPackage::default()
    }
}

#[tokio::test]
async fn flags_follow_the_order_status() {
    let (sandbox, _) = sandbox().await;
    sandbox.set_stock("X", 20);
    add(&sandbox, "A1", "X", 4).await;
    assert_eq!(flags(&info(&sandbox, "A1").await), "Unprocessed Accepted");
    sandbox.start_picking("A1").unwrap();
    assert_eq!(
        flags(&info(&sandbox, "A1").await),
        "Processed Pending Picked"
    );
    sandbox.ship("A1", vec![package("T1", 1)]).unwrap();
    assert_eq!(
        flags(&info(&sandbox, "A1").await),
        "Processed Pending Shipped"
    );
    sandbox.ship("A1", vec![]).unwrap();
    assert_eq!(
        flags(&info(&sandbox, "A1").await),
        "Processed Shipped Complete"
    );
    add(&sandbox, "A2", "X", 4).await;
    sandbox.cancel("A2").unwrap();
    assert_eq!(flags(&info(&sandbox, "A2").await), "Canceled Complete");
    add(&sandbox, "A3", "X", 4).await;
    sandbox.ship("A3", vec![package("T3", 1)]).unwrap();
    let cancelled = sandbox.cancel("A3").unwrap();
    assert_eq!(cancelled.status(), "Cancelled");
    let parts = info(&sandbox, "A3").await;
    assert_eq!(flags(&parts), "Processed Shipped Canceled Complete");
    assert_eq!(all(&parts, "CanceledQty"), ["3"]);
    add(&sandbox, "A4", "rare", 1).await;
    assert_eq!(
        flags(&info(&sandbox, "A4").await),
        "Unprocessed Accepted Backordered"
    );
}

#[tokio::test]
async fn the_order_is_returned_with_dates_in_local_time() {
    let (sandbox, _) = sandbox().await;
    let with_zone = soap_order("A&amp;1", "X", 2).replace("03:00:00<", "03:00:00Z<");
    invoke(&sandbox, "AddOrder", &with_zone).await;
    let xml = info(&sandbox, "A&amp;1").await;
    assert_eq!(all(&xml, "OrderId"), ["A&amp;1"]);
    assert_eq!(all(&xml, "EntryDate"), ["2025-03-03T19:00:00"]);
    assert_eq!(all(&xml, "UploadDate"), ["2025-03-04T04:00:00"]);
    assert_eq!(all(&xml, "PoNum"), ["PO-7"]);
    assert_eq!(all(&xml, "OrderComment"), ["dock &amp; door"]);
    assert_eq!(all(&xml, "CCNumber"), [FAKE_CARD]);
    assert_eq!(all(&xml, "Contact"), ["Ann Lee"; 3]);
    assert!(xml.contains(
        "<OfferInfo><OfferType><OfferId>X</OfferId><OfferDesc>Offer X</OfferDesc>\
         <OrderQty>2</OrderQty><UnitPrice>9.950</UnitPrice></OfferType></OfferInfo>"
    ));
    assert!(xml.contains("<ShippingOrders /></GetOrderInfoResult>"));
}

#[tokio::test]
async fn packages_are_listed_by_pick_slip_including_void_ones() {
    let (sandbox, clock) = sandbox().await;
    add(&sandbox, "A1", "X", 6).await;
    sandbox.start_picking("A1").unwrap();
    let picked = info(&sandbox, "A1").await;
    assert_eq!(all(&picked, "PickSlipID"), ["300001"]);
    assert_eq!(all(&picked, "ToShipQty"), ["6"]);
    assert!(picked.contains("<Packages />"));

    // Two packages of one slip: the response does not show which package contains what.
    sandbox
        .ship("A1", vec![package("T1", 1), package("T2", 2)])
        .unwrap();
    sandbox.void("A1", "T2").unwrap();
    let xml = info(&sandbox, "A1").await;
    assert_eq!(all(&xml, "PickSlipID"), ["300001"]);
    assert_eq!(all(&xml, "ToShipQty"), ["3"]);
    assert_eq!(all(&xml, "TrackingId"), ["T1", "T2"]);
    assert_eq!(all(&xml, "DateShipped"), ["2025-03-04T04:00:00"; 2]);
    let voided = ["0001-01-01T00:00:00", "2025-03-04T04:00:00"];
    assert_eq!(all(&xml, "DateVoided"), voided);

    // Repacked on the same slip; the rest on another one, later and in daylight saving time.
    clock.advance(chrono::TimeDelta::days(30));
    sandbox.ship("A1", vec![package("T3", 2)]).unwrap();
    assert_eq!(all(&info(&sandbox, "A1").await, "PickSlipID"), ["300001"]);
    sandbox.ship("A1", vec![]).unwrap();
    let xml = info(&sandbox, "A1").await;
    assert_eq!(all(&xml, "PickSlipID"), ["300001", "300002"]);
    assert_eq!(all(&xml, "ToShipQty"), ["3", "3"]);
    assert_eq!(all(&xml, "DateShipped")[3], "2025-04-03T05:00:00");
    assert!(all(&xml, "PulledQty") == ["6"] && all(&xml, "MarkedQty") == ["0"]);
}

#[tokio::test]
async fn units_shipped_on_another_slip_are_planned_once() {
    let (sandbox, _) = sandbox().await;
    add(&sandbox, "A1", "X", 5).await;
    sandbox.ship("A1", vec![package("T1", 2)]).unwrap();
    sandbox.void("A1", "T1").unwrap();
    sandbox.ship("A1", vec![]).unwrap();
    let xml = info(&sandbox, "A1").await;
    assert_eq!(all(&xml, "PickSlipID"), ["300001", "300002"]);
    assert_eq!(all(&xml, "ToShipQty"), ["5"]);
}

#[tokio::test]
async fn an_unknown_order_is_answered_as_configured() {
    for (unknown_order, named) in [
        (UnknownOrder::Empty, "<OrdHead /></GetOrderInfoResult>"),
        (
            UnknownOrder::Blank,
            "<OrdHead><EntryDate>0001-01-01T00:00:00</EntryDate>",
        ),
        (UnknownOrder::Fault, "Order A9 was not found"),
    ] {
        let (sandbox, _) = sandbox_with(SandboxConfig {
            unknown_order,
            ..SandboxConfig::default()
        })
        .await;
        let answer = ask(&sandbox, "GetOrderInfo", "<orderId>A9</orderId>").await;
        assert_eq!(answer.status == 500, unknown_order == UnknownOrder::Fault);
        assert!(answer.text().contains(named), "{}", answer.text());
        assert_eq!(
            refusal(&sandbox, "GetOrderInfo", "").await,
            "orderId is missing"
        );
        // An order created by REST is returned, too.
        send(&sandbox, "R1", "X", 2).await;
        let xml = info(&sandbox, "R1").await;
        assert_eq!(all(&xml, "OrderQty"), ["2", "2"]);
    }
}
