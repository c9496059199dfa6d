//! The bench of the style `rest`.

use std::sync::Arc;

use chrono_tz::America::Los_Angeles;
use secrecy::SecretString;
use serde_json::{Value, json};
use veracore_sync::{
    clock::SharedClock,
    domain::RestAuth,
    fulfillment::{
        FulfillmentProvider, NewOrder,
        veracore::{
            Credentials,
            rest::{RestClient, RestSettings},
        },
    },
    http::UpstreamLimits,
    sandbox::{ArrivedOrder, Fault, FaultKind, LoggedRequest, Sandbox, SandboxConfig},
};

use super::{
    super::{
        bench::{Arrived, Capabilities, Failure, Place, RawPackage},
        sample,
    },
    PASSWORD, StyleBench, executed_but, instead, lost_requests, lost_responses, nonsense,
};

pub struct Rest;

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn place(address: &Value) -> Place {
    [
        ("first name", "FirstName"),
        ("last name", "LastName"),
        ("company", "Company"),
        ("address 1", "Address1"),
        ("address 2", "Address2"),
        ("city", "City"),
        ("state", "State"),
        ("zip", "Zip"),
        ("country", "Country"),
        ("phone", "Phone"),
    ]
    .into_iter()
    .filter_map(|(field, name)| Some((field, text(&address[name])?)))
    .collect()
}

fn on_send(kind: FaultKind) -> Vec<Fault> {
    vec![Fault::on("/api/orders", kind).method("POST").times(1)]
}

/// A glob for a SKU or number in a path.
fn segment(name: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    encoded.replace('+', "%20")
}

fn echoing() -> Vec<(&'static str, Vec<Fault>)> {
    let words = format!("{} has no place, {PASSWORD}", sample::PRIVATE.join(" / "));
    let said = |status, body: Value| on_send(instead(status, body));
    vec![
        ("a refusal", said(422, json!({ "message": words }))),
        (
            "a refusal in layers",
            said(400, json!({ "errors": [{ "detail": words }] })),
        ),
        (
            "an error",
            said(500, json!({ "Error": { "message": words } })),
        ),
        ("a duplicate", said(409, json!({ "error": words }))),
        ("no access", said(403, json!({ "message": words }))),
        (
            "a page",
            said(502, json!(format!("<html><title>{words}</title></html>"))),
        ),
        ("a text", said(400, json!(words.clone()))),
        (
            "an answer",
            said(200, json!({ "OrderId": { words.clone(): words.clone() } })),
        ),
        (
            "a token that is not given",
            vec![Fault::on(
                "/api/token",
                instead(401, json!({ "error_description": PASSWORD })),
            )],
        ),
        (
            "a fresh token that is refused",
            vec![Fault::on(
                "/api/orders",
                instead(401, json!({ "message": words })),
            )],
        ),
    ]
}

impl StyleBench for Rest {
    const CAPABILITIES: Capabilities = Capabilities {
        cancels: false,
        refuses: true,
    };

    fn client(
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> Arc<dyn FulfillmentProvider> {
        let known = SandboxConfig::default();
        let settings = RestSettings {
            base_url: sandbox.base_url(),
            company_id: known.company_id,
            credentials: Credentials {
                client_id: known.client_id,
                client_secret: SecretString::from(known.client_secret),
            },
            auth: RestAuth::OAuth2,
            timezone: Los_Angeles,
            limits,
        };
        Arc::new(RestClient::new(settings, clock).unwrap())
    }

    fn is_send(request: &LoggedRequest) -> bool {
        request.method == "POST" && request.path == "/api/orders"
    }

    fn arrived(order: &ArrivedOrder) -> Arrived {
        let body: Value = serde_json::from_str(order.body.as_ref().unwrap()).unwrap();
        let ship_to = place(&body["ShippingAddress"]);
        let mut pays = match &body["BillingAddress"] {
            Value::Null => ship_to.clone(),
            address => place(address),
        };
        pays.remove("phone");
        let lines = order.items.iter().map(|item| {
            let price = item.unit_price.clone().unwrap();
            (item.sku.clone(), item.quantity, price)
        });
        Arrived {
            number: order.number.clone(),
            placed_at: body["OrderDate"].as_str().unwrap().parse().unwrap(),
            shipping: text(&body["ShippingMethod"]).unwrap(),
            lines: lines.collect(),
            ship_to,
            pays,
            email: text(&body["Customer"]["Email"]),
            comments: text(&body["Comments"]),
        }
    }

    fn stock(rows: &[(&str, &str)]) -> Vec<Fault> {
        let rows = rows.iter().map(|(sku, quantity)| {
            // A quantity that is not JSON becomes a string.
            let quantity = serde_json::from_str(quantity).unwrap_or_else(|_| json!(quantity));
            (sku, json!({ "SKU": sku, "AvailableQuantity": quantity }))
        });
        let rows: Vec<_> = rows.collect();
        let each = rows.iter().map(|(sku, row)| {
            Fault::on(
                &format!("/api/inventory/{}", segment(sku)),
                instead(200, row.clone()),
            )
        });
        let all: Value = rows.iter().map(|(_, row)| row.clone()).collect();
        each.chain([Fault::on("/api/inventory", instead(200, all))])
            .collect()
    }

    fn packages(rows: &[RawPackage<'_>]) -> Vec<Fault> {
        let rows: Value = rows
            .iter()
            .map(|row| {
                let mut listed_row = json!({
                    "ShipmentId": row.tracking, "TrackingNumber": row.tracking, "Carrier": "UPS",
                    "ShipDate": row.shipped, "Status": "Shipped",
                });
                if !row.order.is_empty() {
                    listed_row["OrderNumber"] = json!(row.order);
                }
                listed_row
            })
            .collect();
        vec![Fault::on("/api/shipments", instead(200, rows))]
    }

    fn about_another(asked: &str, other: &str) -> Fault {
        let listed_row = json!({ "OrderNumber": other, "OrderId": "VC-1", "Status": "Received" });
        Fault::on(
            &format!("/api/orders/{}/status", segment(asked)),
            instead(200, listed_row),
        )
    }

    fn failure(kind: Failure) -> Vec<(&'static str, Vec<Fault>)> {
        let on_sends = |kinds: Vec<(&'static str, FaultKind)>| {
            kinds
                .into_iter()
                .map(|(name, kind)| (name, on_send(kind)))
                .collect()
        };
        match kind {
            Failure::ResponseLost => {
                let mut kinds = lost_responses();
                kinds.push(("an answer without an id", executed_but(200, json!({}))));
                kinds.push(("a timeout of theirs", executed_but(408, Value::Null)));
                on_sends(kinds)
            }
            Failure::RequestLost => on_sends(lost_requests()),
            Failure::Rejected => {
                let mut ways: Vec<_> = on_sends(vec![
                    (
                        "too many calls",
                        FaultKind::RateLimited {
                            retry_after: 30,
                            as_date: true,
                        },
                    ),
                    ("no access", instead(403, Value::Null)),
                ]);
                let token = |kind| vec![Fault::on("/api/token", kind)];
                ways.push(("no token, refused", token(instead(401, Value::Null))));
                ways.push(("no token, down", token(instead(500, Value::Null))));
                ways.push(("no token, silent", token(FaultKind::DropAnswer)));
                ways
            }
            Failure::Refused => on_sends(vec![
                ("a 422", instead(422, json!({ "message": "unknown SKU" }))),
                ("a 400", instead(400, json!({ "error": "bad country" }))),
            ]),
            Failure::Malformed => {
                let mut kinds = nonsense();
                kinds.push(("an empty object", instead(200, json!({}))));
                kinds.push(("a text", instead(200, json!("\"[]\""))));
                kinds.push((
                    "a 404 of another server",
                    instead(
                        404,
                        json!({ "message": "no Route matched with those values" }),
                    ),
                ));
                let reads = |kind| vec![Fault::on("/api", kind).method("GET")];
                kinds
                    .into_iter()
                    .map(|(name, kind)| (name, reads(kind)))
                    .collect()
            }
            Failure::Echoing => echoing(),
            Failure::CancelLost => Vec::new(),
        }
    }

    fn unsendable() -> Vec<(NewOrder, &'static str)> {
        vec![
            (sample::order("."), "the order number"),
            (sample::order(".."), "the order number"),
        ]
    }
}
