//! The body of an order in the style `rest`.

use serde_json::{Map, Value, json};

use super::prices;

/// Builds the documented body from the shop's data.
pub fn body(order: &Value) -> Value {
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

/// The last word of a name is the last name; empty fields are omitted.
fn address(address: &Value) -> Value {
    let (first, last) = address["fullName"]
        .as_str()
        .unwrap()
        .rsplit_once(' ')
        .unwrap();
    let mut fields = Map::new();
    fields.insert("FirstName".into(), json!(first));
    fields.insert("LastName".into(), json!(last));
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
            fields.insert(theirs.into(), address[ours].clone());
        }
    }
    Value::Object(fields)
}
