//! Orders by REST: what is refused, with which message, and what is stored.

use super::*;

#[tokio::test]
async fn an_order_is_stored_exactly_as_received() {
    let (sandbox, _) = sandbox().await;
    let body = order("A 1/2", "X", 2)
        .to_string()
        .replace("12.5", "10.10000000000000000000000001");
    let answer = call(&sandbox, "POST /api/orders", &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        json!({"OrderId": "VC-100001", "OrderNumber": "A 1/2", "Status": "Received"})
    );
    let kept = sandbox.order("A 1/2").unwrap();
    assert_eq!(kept.body.as_deref(), Some(body.as_str()));
    assert_eq!(kept.received_at, noon());
    assert_eq!(
        kept.items[0].unit_price.as_deref(),
        Some("10.10000000000000000000000001")
    );
    let shown = get(&sandbox, "/sandbox/orders/A%201%2F2").await.text();
    assert!(shown.contains("10.10000000000000000000000001"));
    let status = get(&sandbox, "/api/orders/A%201%2F2/status").await;
    assert_eq!(
        status.json(),
        json!({"OrderNumber": "A 1/2", "OrderId": "VC-100001", "Status": "Received"})
    );
    assert_eq!(sandbox.requests()[0].body, body);
}

/// An order with the field at a JSON pointer set, or removed with `null`.
fn with(pointer: &str, value: Value) -> String {
    let mut order = order("A1", "X", 1);
    order["BillingAddress"] = json!({"City": "Springfield"});
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let object = order.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        object.remove(field);
    } else {
        object.insert(field.to_owned(), value);
    }
    order.to_string()
}

#[tokio::test]
async fn a_refusal_names_the_invalid_field() {
    let (sandbox, _) = sandbox().await;
    let none = Value::Null;
    for (pointer, value, named) in [
        ("/CompanyId", none.clone(), "CompanyId is missing"),
        ("/OrderNumber", json!(" "), "OrderNumber is blank"),
        ("/OrderNumber", json!(17), "OrderNumber is not a string"),
        ("/OrderDate", json!("2025-03-04"), "OrderDate"),
        ("/CurrencyCode", json!("usd"), "CurrencyCode"),
        (
            "/ShippingAddress",
            none.clone(),
            "ShippingAddress is missing",
        ),
        ("/ShippingAddress", json!("x"), "ShippingAddress is not"),
        (
            "/ShippingAddress/Address1",
            none.clone(),
            "ShippingAddress.Address1",
        ),
        (
            "/ShippingAddress/City",
            none.clone(),
            "ShippingAddress.City",
        ),
        (
            "/ShippingAddress/Country",
            json!("USA"),
            "ShippingAddress.Country",
        ),
        (
            "/ShippingAddress/Street",
            json!("x"),
            "ShippingAddress.Street",
        ),
        (
            "/BillingAddress/Country",
            json!("us"),
            "BillingAddress.Country",
        ),
        ("/BillingAddress/Zip", json!(12345), "BillingAddress.Zip"),
        ("/Customer", json!({"Name": "Ada"}), "Customer.Name"),
        ("/Items", none.clone(), "Items is missing"),
        ("/Items", json!([]), "Items is empty"),
        ("/Items/0/SKU", json!(""), "Items[0].SKU"),
        ("/Items/0/Quantity", json!(0), "Items[0].Quantity"),
        ("/Items/0/Quantity", json!(1.5), "Items[0].Quantity"),
        ("/Items/0/Quantity", json!("1"), "Items[0].Quantity"),
        ("/Items/0/UnitPrice", none.clone(), "Items[0].UnitPrice"),
        ("/Items/0/UnitPrice", json!("12.50"), "Items[0].UnitPrice"),
        ("/Items/0/UnitPrice", json!(-1), "Items[0].UnitPrice"),
        ("/Total", json!(1), "Total is not a field"),
    ] {
        let answer = call(&sandbox, "POST /api/orders", with(pointer, value)).await;
        assert_eq!(answer.status, 422, "{pointer}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{pointer}: {message}");
    }
    let null = with("/Comments", json!("?")).replace(r#""?""#, "null");
    assert_eq!(call(&sandbox, "POST /api/orders", null).await.status, 422);
    assert_eq!(call(&sandbox, "POST /api/orders", "{").await.status, 400);
    let foreign = with("/CompanyId", json!("acme"));
    assert_eq!(
        call(&sandbox, "POST /api/orders", foreign).await.status,
        403
    );
    assert!(sandbox.orders().is_empty());
    assert!(sandbox.requests().iter().all(|request| !request.dropped));
}
