//! Stock and packages, through the control API and `Sandbox`.

use super::*;
use crate::sandbox::{Item, NewPackage, Refusal};

/// Available, reserved, on hand.
fn level(sandbox: &Sandbox) -> (u32, u32, u32) {
    let level = sandbox.stock().remove(0);
    (
        level.available_quantity,
        level.reserved_quantity,
        level.on_hand_quantity,
    )
}

fn items(sku: &str, quantity: u32) -> NewPackage {
    NewPackage {
        items: Some(vec![Item {
            sku: sku.into(),
            quantity,
        }]),
        ..NewPackage::default()
    }
}

#[tokio::test]
async fn stock_follows_an_order_from_arrival_to_void() {
    let (sandbox, _) = sandbox().await;
    let put = call(&sandbox, "PUT /sandbox/stock/X", r#"{"on_hand": 10}"#).await;
    assert_eq!(put.json()["AvailableQuantity"], 10);
    send(&sandbox, "A1", "X", 4).await;
    assert_eq!(level(&sandbox), (6, 4, 10));
    assert_eq!(sandbox.start_picking("A1").unwrap().status(), "InWarehouse");

    let packages = sandbox.ship("A1", vec![items("X", 1)]).unwrap();
    assert_eq!(level(&sandbox), (6, 3, 9));
    assert_eq!(sandbox.order("A1").unwrap().status(), "PartiallyShipped");

    let refused = sandbox.ship("A1", vec![items("X", 2), items("X", 2)]);
    assert!(matches!(refused, Err(Refusal::Conflict(message)) if message.contains("1 of X")));
    assert_eq!(level(&sandbox), (6, 3, 9));

    let answer = call(&sandbox, "POST /sandbox/orders/A1/ship", "").await;
    assert_eq!(answer.json()["packages"][0]["items"][0]["Quantity"], 3);
    assert_eq!(level(&sandbox), (6, 0, 6));
    assert_eq!(sandbox.order("A1").unwrap().status(), "Shipped");
    assert!(sandbox.ship("A1", vec![]).is_err());
    assert!(sandbox.cancel("A1").is_err());

    let path = format!(
        "POST /sandbox/orders/A1/packages/{}/void",
        packages[0].tracking_number
    );
    assert_eq!(call(&sandbox, &path, "").await.json()["status"], "Voided");
    assert_eq!(call(&sandbox, &path, "").await.status, 404);
    assert_eq!(level(&sandbox), (6, 1, 7));
    assert_eq!(sandbox.order("A1").unwrap().status(), "PartiallyShipped");
    assert_eq!(sandbox.cancel("A1").unwrap().status(), "Cancelled");
    assert_eq!(level(&sandbox), (7, 0, 7));
    assert!(sandbox.ship("A1", vec![]).is_err());
}

#[tokio::test]
async fn an_order_beyond_stock_is_backordered_and_stock_never_negative() {
    let (sandbox, _) = sandbox().await;
    sandbox.set_stock("X", 3);
    send(&sandbox, "A1", "X", 2).await;
    send(&sandbox, "A2", "X", 2).await;
    assert_eq!(level(&sandbox), (0, 4, 3));
    assert!(!sandbox.order("A1").unwrap().backordered);
    assert!(sandbox.order("A2").unwrap().backordered);
    sandbox.set_stock("X", 5);
    assert_eq!(level(&sandbox), (1, 4, 5));

    // A SKU that was never stocked is accepted, ships, and is in no list.
    assert_eq!(send(&sandbox, "A3", "Y", 1).await.status, 201);
    sandbox.ship("A3", vec![]).unwrap();
    assert_eq!(sandbox.stock().len(), 1);
    assert_eq!(get(&sandbox, "/api/inventory/Y").await.status, 404);
}

#[tokio::test]
async fn another_clients_order_uses_up_its_number() {
    let (sandbox, _) = sandbox().await;
    let body = json!({"items": [{"SKU": "X", "Quantity": 2}]});
    let put = call(&sandbox, "PUT /sandbox/orders/A1", &body).await;
    assert_eq!(put.status, 201);
    assert_eq!(put.json()["foreign"], true);
    assert_eq!(put.json()["body"], Value::Null);
    let again = call(&sandbox, "PUT /sandbox/orders/A1", "").await;
    assert_eq!(again.status, 409);
    let answer = send(&sandbox, "A1", "X", 1).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json(), json!({"Error": "Order A1 already exists"}));
}

#[tokio::test]
async fn the_control_api_names_the_error() {
    let (sandbox, _) = sandbox().await;
    for (head, body, status, named) in [
        ("PUT /sandbox/stock/X", "{}", 422, "on_hand"),
        ("PUT /sandbox/stock/X", r#"{"on_hand": -1}"#, 422, "-1"),
        ("POST /sandbox/orders/A1/ship", "", 404, "A1"),
        (
            "POST /sandbox/orders/A1/ship",
            r#"{"package": []}"#,
            422,
            "package",
        ),
        ("GET /sandbox/orders/A1", "", 404, "A1"),
        ("GET /sandbox/nonsense", "", 404, "docs/sandbox.md"),
    ] {
        let answer = call(&sandbox, head, body).await;
        assert_eq!(answer.status, status, "{head}");
        assert!(answer.text().contains(named), "{}", answer.text());
    }
    assert_eq!(get(&sandbox, "/sandbox").await.json()["orders"], 0);
    assert!(sandbox.requests().is_empty());
}
