//! VeraCore's style that the tests speak, and what the same thing is called in each.
//!
//! A run of the tests speaks one: `rest`, or what `TEST_VERACORE_STYLE` says. `scripts/test` makes
//! those that are about VeraCore twice. What is about the wire of one style alone asks [`Style`], or
//! stands in a module that is run with that style only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono_tz::Tz;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use veracore_sync::{
    clock::SharedClock,
    domain::{CancelProtocol, RestAuth, ShipVia, StockSource, UnmappedFreight},
    fulfillment::{
        FulfillmentProvider,
        veracore::{
            Credentials,
            oms::{OmsCancelSettings, OmsClient, OmsSettings},
            rest::{RestClient, RestSettings},
        },
    },
    http::{Circuit, UpstreamLimits},
    sandbox::{ArrivedOrder, Fault, FaultKind, LoggedRequest, Sandbox, SandboxConfig},
};

/// Of the sandbox's dates that name none, and by default of the program's.
pub const ZONE: Tz = Tz::America__Los_Angeles;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Rest,
    Oms,
}

/// What VeraCore is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To take an order.
    Send,
    /// Where an order stands.
    LookUp,
    Shipments,
}

/// What became of a send, whatever of its answer was lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Taken,
    /// There was such an order.
    Duplicate,
    /// Nobody looked at the order.
    Unread,
    /// It was refused, or stopped by a fault that the test injected.
    Other,
}

impl Style {
    /// Of this run.
    ///
    /// # Panics
    /// When it is none that is known.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' surroundings, not the program's configuration"
    )]
    pub fn spoken() -> Self {
        match std::env::var("TEST_VERACORE_STYLE").as_deref() {
            Err(_) | Ok("" | "rest") => Self::Rest,
            Ok("oms") => Self::Oms,
            Ok(other) => panic!("TEST_VERACORE_STYLE is {other}, neither rest nor oms"),
        }
    }

    /// What `VERACORE_API_URL` is set to; the style follows from it.
    pub fn url(self, sandbox: &Sandbox) -> Url {
        match self {
            Self::Rest => sandbox.base_url(),
            Self::Oms => sandbox.oms_url(),
        }
    }

    /// The program's own client, and whether it is called at all.
    pub fn client(
        self,
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> (Arc<dyn FulfillmentProvider>, Circuit) {
        let known = SandboxConfig::default();
        let credentials = Credentials {
            client_id: known.client_id,
            client_secret: SecretString::from(known.client_secret),
        };
        match self {
            Self::Rest => {
                let settings = RestSettings {
                    base_url: self.url(sandbox),
                    company_id: known.company_id,
                    credentials,
                    auth: RestAuth::OAuth2,
                    timezone: ZONE,
                    limits,
                };
                let client = RestClient::new(settings, clock).unwrap();
                let circuit = client.circuit();
                (Arc::new(client), circuit)
            }
            Self::Oms => {
                let client =
                    OmsClient::new(oms_settings(self.url(sandbox), credentials, limits), clock);
                let client = client.unwrap();
                let circuit = client.circuit();
                (Arc::new(client), circuit)
            }
        }
    }

    /// VeraCore's id of an order: in `oms` the order's own number.
    pub fn id_of(self, order: &ArrivedOrder) -> String {
        match self {
            Self::Rest => order.order_id.clone(),
            Self::Oms => order.number.clone(),
        }
    }

    /// A fault on what is asked.
    pub fn fault(self, ask: Ask, kind: FaultKind) -> Fault {
        match self {
            Self::Rest => {
                let (method, path) = match ask {
                    Ask::Send => ("POST", "/api/orders"),
                    Ask::LookUp => ("GET", "/api/orders/*/status"),
                    Ask::Shipments => ("GET", "/api/shipments"),
                };
                Fault::on(path, kind).method(method)
            }
            Self::Oms => Fault::on("/pmomsws/oms.asmx", kind).operation(operation(ask)),
        }
    }

    /// Whether a call was about this.
    pub fn is(self, request: &LoggedRequest, ask: Ask) -> bool {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        match (self, ask) {
            (Self::Oms, _) => request.operation.as_deref() == Some(operation(ask)),
            (Self::Rest, Ask::Send) => method == "POST" && path == "/api/orders",
            (Self::Rest, Ask::LookUp) => {
                path.starts_with("/api/orders/") && path.ends_with("/status")
            }
            (Self::Rest, Ask::Shipments) => path == "/api/shipments",
        }
    }

    /// The number of the order that was sent.
    pub fn sent(self, request: &LoggedRequest) -> Option<String> {
        self.is(request, Ask::Send).then(|| match self {
            Self::Rest => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                body["OrderNumber"].as_str().unwrap().to_owned()
            }
            Self::Oms => between(&request.body, "<order><Header><ID>", "</ID>"),
        })
    }

    /// The number of the order that was looked up.
    pub fn looked_up(self, request: &LoggedRequest) -> Option<String> {
        self.is(request, Ask::LookUp).then(|| match self {
            Self::Rest => request.path.split('/').rev().nth(1).unwrap().to_owned(),
            Self::Oms => between(&request.body, "<orderId>", "</orderId>"),
        })
    }

    /// What became of a send.
    pub fn ended(self, request: &LoggedRequest) -> Ended {
        // These answer instead of VeraCore, whatever was done.
        let invented = matches!(
            request.fault,
            Some("status" | "malformed" | "html" | "huge" | "rate_limited")
        );
        match (self, request.status) {
            (Self::Rest, Some(201)) => Ended::Taken,
            (Self::Rest, Some(409)) => Ended::Duplicate,
            (Self::Rest, Some(401)) if !request.dropped => Ended::Unread,
            (Self::Oms, Some(200)) if !invented => Ended::Taken,
            // Of what these tests send the sandbox finds no other fault.
            (Self::Oms, Some(500)) if !invented => Ended::Duplicate,
            _ => Ended::Other,
        }
    }

    /// VeraCore's answer that it will not do what it was asked to.
    pub fn refuses(self, message: &str) -> FaultKind {
        match self {
            Self::Rest => status(422, json!({ "message": message })),
            Self::Oms => status(500, Value::String(soap_fault(message))),
        }
    }

    /// VeraCore does not let us in.
    pub fn shuts_out(self) -> Fault {
        match self {
            Self::Rest => Fault::on("/api/token", says(401, "no")),
            Self::Oms => Fault::on("/", self.refuses("Invalid user name or password")),
        }
    }

    /// VeraCore's answer that it has no such order.
    pub fn misses(self) -> FaultKind {
        match self {
            Self::Rest => status(404, json!({ "message": "no such order" })),
            Self::Oms => self.refuses("The order was not found"),
        }
    }
}

/// An answer of this status and of these words, from whoever is in front of VeraCore.
pub fn says(code: u16, message: &str) -> FaultKind {
    status(code, json!({ "message": message }))
}

fn status(status: u16, body: Value) -> FaultKind {
    FaultKind::Status {
        status,
        body,
        headers: BTreeMap::new(),
        done: false,
    }
}

const fn operation(ask: Ask) -> &'static str {
    match ask {
        Ask::Send => "AddOrder",
        Ask::LookUp => "GetOrderInfo",
        Ask::Shipments => "GetShippingCharge",
    }
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0.to_owned()
}

fn soap_fault(message: &str) -> String {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault>\
         <faultcode>soap:Server</faultcode><faultstring>Server was unable to process request. ---&gt; \
         System.Exception: {message}\n   at Pm.Oms()</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )
}

/// SOAP as a system of the usual kind wants it.
pub fn oms_settings(url: Url, credentials: Credentials, limits: UpstreamLimits) -> OmsSettings {
    let ways = ["standard-shipping", "express-shipping"];
    OmsSettings {
        url,
        namespace: None,
        owner: None,
        credentials,
        timezone: ZONE,
        limits,
        freight: ways
            .map(|way| (way.to_owned(), ShipVia::parse("code:U11").unwrap()))
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
