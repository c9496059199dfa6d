//! The client against servers that respond well, badly and not at all.

mod cancel;
mod envelopes;
mod fuzz;
mod hostile;
mod looked_up;
mod refusals;
mod shipments;
mod stock;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono_tz::Tz;

use secrecy::SecretString;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string_contains, header, method, path},
};

use super::{
    super::{
        common::credentials::Credentials,
        tests::{address, buyer, code, html, item, limits, text},
    },
    *,
};
use crate::{
    clock::MockClock,
    domain::{CancelProtocol, Contact, CurrencyCode, ShipVia, StockSource, UnmappedFreight},
    fulfillment::PostalAddress,
};

const SECRET: &str = "s3cr3t-of-the-user";
const NS: &str = "http://omscom/";

fn settings(url: &str) -> OmsSettings {
    OmsSettings {
        url: url.parse().unwrap(),
        namespace: None,
        owner: Some("ACME".into()),
        credentials: Credentials {
            client_id: "wsuser".into(),
            client_secret: SecretString::from(SECRET),
        },
        timezone: chrono_tz::America::Los_Angeles,
        limits: limits(),
        freight: [
            ("GROUND", "code:U11 UPS Ground"),
            ("AIR", "UPS / Next Day Air"),
            ("POST", "option:First Class"),
            ("WHITE", "handling:White Glove"),
        ]
        .map(|(method, way)| (method.to_owned(), ShipVia::parse(way).unwrap()))
        .into(),
        unmapped_freight: UnmappedFreight::Send,
        max_order_id_length: 50,
        stock_source: StockSource::Offers,
        warehouses: BTreeSet::new(),
        order_not_found_text: None,
        cancel: OmsCancelSettings {
            protocol: CancelProtocol::Soap,
            namespace: "http://tempuri.org/".into(),
            soap_action: None,
        },
    }
}

/// A server with `/pmomsws/oms.asmx`, and a client for it.
struct OmsFixture {
    server: MockServer,
    client: OmsClient,
    clock: Arc<MockClock>,
}

impl OmsFixture {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OmsSettings)) -> Self {
        let server = MockServer::start().await;
        let mut settings = settings(&format!("{}/pmomsws/oms.asmx", server.uri()));
        change(&mut settings);
        let clock = MockClock::at("2026-11-21T10:00:00Z".parse().unwrap());
        let client = OmsClient::new(settings, clock.clone()).unwrap();
        Self {
            server,
            client,
            clock,
        }
    }

    /// Responds to an operation.
    async fn on(&self, operation: &str, answer: ResponseTemplate) {
        Mock::given(method("POST"))
            .and(path("/pmomsws/oms.asmx"))
            .and(header(
                "SOAPAction",
                format!("\"{NS}{operation}\"").as_str(),
            ))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The bodies of the requests.
    async fn sent_bodies(&self) -> Vec<String> {
        let requests = self.requests().await;
        let text = |request: &Request| String::from_utf8(request.body.clone()).unwrap();
        requests.iter().map(text).collect()
    }
}

/// A result in its envelope.
fn soap_response(operation: &str, result: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Header><DebugHeader xmlns=\"{NS}\"><Debug>false</Debug></DebugHeader></soap:Header><soap:Body><{operation}Response xmlns=\"{NS}\">{result}</{operation}Response></soap:Body></soap:Envelope>"
    )
}

fn answer(operation: &str, result: &str) -> ResponseTemplate {
    xml(200, &soap_response(operation, result))
}

fn xml(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_owned(), "text/xml; charset=utf-8")
}

/// An error as an ASP.NET service reports it.
fn fault(status: u16, words: &str) -> ResponseTemplate {
    let text = format!(
        "System.Web.Services.Protocols.SoapException: Server was unable to process request. ---&gt; System.Exception: {words}\n   at Pm.Oms.AddOrder(Order order) in C:\\build\\oms.cs:line 12"
    );
    xml(status, &raw_fault("soap:Server", &text))
}

fn raw_fault(code: &str, text: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring><detail /></soap:Fault></soap:Body></soap:Envelope>"
    )
}

fn order() -> NewOrder {
    NewOrder {
        number: code("T-1"),
        placed_at: "2026-11-21T10:00:00.5Z".parse().unwrap(),
        currency: CurrencyCode::parse("USD").unwrap(),
        shipping_method: "GROUND".into(),
        comments: None,
        customer: buyer(),
        ship_to: PostalAddress {
            company: text("Engines"),
            ..address()
        },
        bill_to: None,
        items: vec![item("MUG-1", 2, 1250, 2), item("CUP", 1, 199_999, 4)],
    }
}
