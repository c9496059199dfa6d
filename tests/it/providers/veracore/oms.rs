//! The bench of the style `oms`.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeZone as _};
use chrono_tz::America::Los_Angeles;
use secrecy::SecretString;
use serde_json::json;
use veracore_sync::{
    clock::SharedClock,
    domain::{ShipVia, UnmappedFreight},
    fulfillment::{
        FulfillmentProvider, NewOrder,
        veracore::{
            Credentials,
            oms::{OmsClient, OmsSettings},
        },
    },
    http::UpstreamLimits,
    sandbox::{ArrivedOrder, Fault, FaultKind, LoggedRequest, Sandbox, SandboxConfig},
};

use super::{
    super::{
        bench::{Arrived, Capabilities, Failure, Place, RawPackage},
        sample::{self, item, with_items},
    },
    PASSWORD, StyleBench, executed_but, instead, lost_requests, lost_responses, nonsense,
};
use crate::harness::oms_settings;

pub struct Oms;

const SERVICE: &str = "/pmomsws/oms.asmx";
const CANCELLING: &str = "/pmomsws/orderadjustment.svc";
const NAMESPACE: &str = "http://omscom/";

fn on(operation: &str, kind: FaultKind) -> Fault {
    Fault::on(SERVICE, kind).operation(operation)
}

fn on_send(kind: FaultKind) -> Vec<Fault> {
    vec![on("AddOrder", kind).times(1)]
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

fn envelope(body: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// The response envelope of an operation.
fn answer(operation: &str, result: &str) -> String {
    envelope(&format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\">{result}</{operation}Response>"
    ))
}

/// A SOAP fault in .NET's format.
fn fault(words: &str) -> FaultKind {
    let text = format!(
        "System.Web.Services.Protocols.SoapException: Server was unable to process request. ---> System.Exception: {words}\n   at Oms.Order()"
    );
    instead(
        500,
        envelope(&format!(
            "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{}</faultstring></soap:Fault>",
            escaped(&text)
        )),
    )
}

/// The content of the first element of a name.
fn within<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}>");
    let from = xml.find(&open)? + open.len();
    let to = xml[from..].find(&format!("</{name}>"))?;
    Some(&xml[from..from + to])
}

fn text(xml: &str, name: &str) -> Option<String> {
    within(xml, name).map(|text| quick_xml::escape::unescape(text).unwrap().into_owned())
}

fn place(mailer: &str) -> Place {
    [
        ("first name", "FirstName"),
        ("last name", "LastName"),
        ("company", "CompanyName"),
        ("address 1", "Address1"),
        ("address 2", "Address2"),
        ("city", "City"),
        ("state", "State"),
        ("zip", "PostalCode"),
        ("country", "Country"),
        ("phone", "Phone"),
    ]
    .into_iter()
    .filter_map(|(field, name)| Some((field, text(mailer, name)?)))
    .collect()
}

fn echoing() -> Vec<(&'static str, Vec<Fault>)> {
    let words = format!("{} has no place, {PASSWORD}", sample::PRIVATE.join(" / "));
    vec![
        ("a refusal", on_send(fault(&words))),
        (
            "a duplicate",
            on_send(fault(&format!("{words} already exists"))),
        ),
        (
            "a refused login",
            on_send(fault(&format!("Login failed: {words}"))),
        ),
        (
            "no permission",
            on_send(fault(&format!("No permission for {words}"))),
        ),
        (
            "a deadlock",
            on_send(fault(&format!("deadlock over {words}"))),
        ),
        (
            "a page",
            on_send(instead(502, format!("<html><title>{words}</title></html>"))),
        ),
        (
            "a 401",
            on_send(instead(401, json!({ "message": words.clone() }))),
        ),
        (
            "a 429",
            on_send(instead(429, json!({ "message": words.clone() }))),
        ),
        (
            "another operation",
            on_send(instead(200, answer("GetOffers", &escaped(&words)))),
        ),
        (
            "another namespace",
            on_send(instead(
                200,
                envelope(&format!(
                    "<AddOrderResponse xmlns=\"{}\"/>",
                    escaped(&words)
                )),
            )),
        ),
    ]
}

impl StyleBench for Oms {
    const CAPABILITIES: Capabilities = Capabilities {
        cancels: true,
        refuses: true,
    };

    fn client(
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> Arc<dyn FulfillmentProvider> {
        let known = SandboxConfig::default();
        let credentials = Credentials {
            client_id: known.client_id,
            client_secret: SecretString::from(known.client_secret),
        };
        let settings = OmsSettings {
            owner: Some(known.company_id),
            freight: [("GROUND".into(), ShipVia::parse("code:GROUND").unwrap())].into(),
            unmapped_freight: UnmappedFreight::Refuse,
            ..oms_settings(sandbox.oms_url(), credentials, limits)
        };
        Arc::new(OmsClient::new(settings, clock).unwrap())
    }

    fn is_send(request: &LoggedRequest) -> bool {
        request.operation.as_deref() == Some("AddOrder")
    }

    fn arrived(order: &ArrivedOrder) -> Arrived {
        let body = order.body.as_deref().unwrap();
        let header = within(body, "Header").unwrap();
        let entered = text(header, "EntryDate").unwrap();
        let entered: NaiveDateTime = entered.parse().unwrap();
        let buyer = within(body, "OrderedBy").unwrap();
        let bill_to = within(body, "BillTo").unwrap();
        let mut pays = match text(bill_to, "Flag").as_deref() {
            Some("OrderedBy") => place(buyer),
            _ => place(bill_to),
        };
        pays.remove("phone");
        let lines = order.items.iter().map(|item| {
            let price = item.unit_price.clone().unwrap();
            (item.sku.clone(), item.quantity, price)
        });
        Arrived {
            number: order.number.clone(),
            placed_at: Los_Angeles.from_local_datetime(&entered).unwrap().to_utc(),
            shipping: text(body, "FreightCode").unwrap(),
            lines: lines.collect(),
            ship_to: place(within(body, "ShipTo").unwrap()),
            pays,
            email: text(buyer, "Email"),
            comments: text(header, "Comments"),
        }
    }

    fn stock(rows: &[(&str, &str)]) -> Vec<Fault> {
        let rows: String = rows
            .iter()
            .map(|(sku, quantity)| {
                let (sku, quantity) = (escaped(sku), escaped(quantity));
                format!("<GetOfferResult><ID>{sku}</ID><Available>{quantity}</Available></GetOfferResult>")
            })
            .collect();
        let result = format!("<GetOffersResult>{rows}</GetOffersResult>");
        vec![on("GetOffers", instead(200, answer("GetOffers", &result)))]
    }

    fn packages(rows: &[RawPackage<'_>]) -> Vec<Fault> {
        let rows: String = rows
            .iter()
            .map(|row| {
                let RawPackage { order, tracking, shipped } = row;
                format!("<ShippingCharges><PPSlip>1</PPSlip><OrderId>{order}</OrderId><DateShipped>{shipped}</DateShipped><TrackingID>{tracking}</TrackingID></ShippingCharges>")
            })
            .collect();
        let result = format!("<GetShippingChargeResult>{rows}</GetShippingChargeResult>");
        vec![on(
            "GetShippingCharge",
            instead(200, answer("GetShippingCharge", &result)),
        )]
    }

    fn about_another(_: &str, other: &str) -> Fault {
        let head = format!("<OrdHead><OrderId>{other}</OrderId></OrdHead>");
        let result = format!("<GetOrderInfoResult>{head}</GetOrderInfoResult>");
        on(
            "GetOrderInfo",
            instead(200, answer("GetOrderInfo", &result)),
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
                let empty = answer("AddOrder", "");
                kinds.push(("an answer without an id", executed_but(200, empty)));
                on_sends(kinds)
            }
            Failure::RequestLost => {
                let mut kinds = lost_requests();
                kinds.push((
                    "a deadlock",
                    fault("Transaction was deadlocked, timeout expired"),
                ));
                on_sends(kinds)
            }
            Failure::Rejected => on_sends(vec![
                (
                    "too many calls",
                    FaultKind::RateLimited {
                        retry_after: 30,
                        as_date: false,
                    },
                ),
                ("a refused login", fault("Login failed.")),
                (
                    "no permission",
                    fault("The user has no permission for AddOrder"),
                ),
                ("a 401", instead(401, "")),
            ]),
            Failure::Refused => on_sends(vec![
                ("an unknown offer", fault("Offer MUG-1 was not found.")),
                ("a field of the wrong kind", fault("Invalid Source")),
            ]),
            Failure::Malformed => {
                let mut kinds = nonsense();
                kinds.push(("no envelope", instead(200, "<a/>")));
                kinds.push(("an empty envelope", instead(200, envelope(""))));
                kinds.push((
                    "another operation's answer",
                    instead(200, answer("Sing", "")),
                ));
                kinds.push((
                    "a DTD",
                    instead(
                        200,
                        format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", envelope("&b;")),
                    ),
                ));
                kinds.push(("a fault", fault("The database is not available")));
                let all = |kind| vec![Fault::on("/pmomsws", kind)];
                kinds
                    .into_iter()
                    .map(|(name, kind)| (name, all(kind)))
                    .collect()
            }
            Failure::Echoing => echoing(),
            Failure::CancelLost => {
                let lost = lost_responses().into_iter();
                lost.map(|(name, kind)| (name, vec![Fault::on(CANCELLING, kind)]))
                    .collect()
            }
        }
    }

    fn unsendable() -> Vec<(NewOrder, &'static str)> {
        let long = |length: usize| Some("é".repeat(length));
        let changed = |change: fn(&mut NewOrder)| {
            let mut order = sample::order("A-1");
            change(&mut order);
            order
        };
        let mut far = sample::order("A-1");
        far.ship_to.address_1 = long(256);
        let mut company = sample::paid_by_another("A-1");
        company.bill_to.as_mut().unwrap().company = long(51);
        vec![
            (sample::order(&"9".repeat(51)), "Header.ID"),
            (far, "OrderShipTo.Address1"),
            (company, "BillTo.CompanyName"),
            (
                changed(|o| o.ship_to.zip = Some("8".repeat(16))),
                "OrderShipTo.PostalCode",
            ),
            (
                changed(|o| o.shipping_method = "BALLOON".into()),
                "the shipping method 'BALLOON'",
            ),
            (
                with_items("A-1", vec![item("x\u{fffe}", 1, 1_000)]),
                "Offers[0].Offer.Header.ID",
            ),
        ]
    }
}
