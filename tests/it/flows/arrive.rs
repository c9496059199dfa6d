//! Paid orders arrive, each once, with exactly what the shop says.

use serde_json::{Map, Value, json};
use veracore_sync::domain::SyncStatus;

use crate::harness::World;

#[tokio::test]
async fn fifty_paid_orders_arrive_once_with_exact_bodies() {
    let world = World::named("fifty").build().await;
    let paid = world.pay_orders(50).await;
    let mut service = world.service();
    service.carry().await;
    assert_eq!(world.sandbox.orders().len(), 50);
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        let arrived = world.sandbox.order(&order.code).unwrap();
        let told = world.shop.told(&order.id).await;
        let body: Value = serde_json::from_str(arrived.body.as_ref().unwrap()).unwrap();
        assert_eq!(body, expected_body(&told), "{}", order.code);
        // JSON numbers are read as floating point above: the digits are compared here.
        let digits: Vec<_> = arrived
            .items
            .iter()
            .map(|item| item.unit_price.clone().unwrap())
            .collect();
        assert_eq!(digits, prices(&told), "{}", order.code);
        let record = world.record(&order.code).await.unwrap();
        assert_eq!(
            record.veracore_order_id.as_deref(),
            Some(arrived.order_id.as_str())
        );
    }
    insta::assert_snapshot!(readable(&world, &paid[5].code));
    world.assert_settled().await;
}

/// An order's body as it was received, on several lines, without what differs from run to run.
fn readable(world: &World, code: &str) -> String {
    let body = world.sandbox.order(code).unwrap().body.unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    body.replace(code, "[code]")
        .replace(told["OrderDate"].as_str().unwrap(), "[date]")
        .replace(told["Customer"]["Email"].as_str().unwrap(), "[email]")
        .replace(",\"", ",\n\"")
}

/// The body of CONTRACT section 6, put together from what the shop says.
fn expected_body(order: &Value) -> Value {
    let customer = &order["customer"];
    let placed_at = order["orderPlacedAt"].as_str().unwrap();
    let items: Vec<Value> = order["lines"]
        .as_array()
        .unwrap()
        .iter()
        .zip(prices(order))
        .map(|(line, price)| {
            json!({
                "SKU": line["productVariant"]["sku"],
                "Quantity": line["quantity"],
                "UnitPrice": serde_json::from_str::<Value>(&price).unwrap(),
            })
        })
        .collect();
    json!({
        "CompanyId": "sandbox-company",
        "OrderNumber": order["code"],
        "OrderDate": format!("{}Z", placed_at.split('.').next().unwrap()),
        "CurrencyCode": "USD",
        "ShippingMethod": order["shippingLines"][0]["shippingMethod"]["code"],
        "Customer": {
            "FirstName": customer["firstName"], "LastName": customer["lastName"],
            "Email": customer["emailAddress"], "Phone": customer["phoneNumber"],
        },
        "ShippingAddress": address(&order["shippingAddress"]),
        "BillingAddress": address(&order["billingAddress"]),
        "Items": items,
    })
}

/// The last word of a name is the last name; what is empty is left out.
fn address(address: &Value) -> Value {
    let (first, last) = address["fullName"]
        .as_str()
        .unwrap()
        .rsplit_once(' ')
        .unwrap();
    let mut told = Map::new();
    told.insert("FirstName".into(), json!(first));
    told.insert("LastName".into(), json!(last));
    for (theirs, ours) in [
        ("Company", "company"),
        ("Address1", "streetLine1"),
        ("Address2", "streetLine2"),
        ("City", "city"),
        ("State", "province"),
        ("Zip", "postalCode"),
        ("Country", "countryCode"),
        ("Phone", "phoneNumber"),
    ] {
        if address[ours].as_str().is_some_and(|text| !text.is_empty()) {
            told.insert(theirs.into(), address[ours].clone());
        }
    }
    Value::Object(told)
}

/// What the customer pays for one unit of each line, to the cent.
fn prices(order: &Value) -> Vec<String> {
    let lines = order["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["proratedUnitPriceWithTax"].as_u64().unwrap())
        .map(|cents| format!("{}.{:02}", cents / 100, cents % 100))
        .collect()
}
