//! The VeraCore style of the test run (`rest` or `oms`), and how each style expresses an operation.
//!
//! `TEST_VERACORE_STYLE` selects it; the default is `rest`. `scripts/test` runs the tests that depend
//! on it once for each style.

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

/// The time zone of the sandbox's dates, and the program's default.
pub const ZONE: Tz = Tz::America__Los_Angeles;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Rest,
    Oms,
}

/// An operation of VeraCore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Creates an order.
    Send,
    /// Gets an order's status.
    LookUp,
    /// Lists shipments.
    Shipments,
}

/// The result of a send at VeraCore, even if the response was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendResult {
    Accepted,
    /// VeraCore already had the order.
    Duplicate,
    Unauthorized,
    /// It was refused, or stopped by an injected fault.
    Other,
}

impl Style {
    /// The style of this run.
    ///
    /// # Panics
    /// If `TEST_VERACORE_STYLE` is unknown.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' environment, not the program's configuration"
    )]
    pub fn current() -> Self {
        match std::env::var("TEST_VERACORE_STYLE").as_deref() {
            Err(_) | Ok("" | "rest") => Self::Rest,
            Ok("oms") => Self::Oms,
            Ok(other) => panic!("TEST_VERACORE_STYLE is {other}, neither rest nor oms"),
        }
    }

    /// The `VERACORE_API_URL`, which determines the program's style.
    pub fn url(self, sandbox: &Sandbox) -> Url {
        match self {
            Self::Rest => sandbox.base_url(),
            Self::Oms => sandbox.oms_url(),
        }
    }

    /// The program's client, and its circuit.
    pub fn client(
        self,
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> (Arc<dyn FulfillmentProvider>, Circuit) {
        let sandbox_config = SandboxConfig::default();
        let credentials = Credentials {
            client_id: sandbox_config.client_id,
            client_secret: SecretString::from(sandbox_config.client_secret),
        };
        match self {
            Self::Rest => {
                let settings = RestSettings {
                    base_url: self.url(sandbox),
                    company_id: sandbox_config.company_id,
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

    /// VeraCore's id of an order; in `oms`, the order's number.
    pub fn id_of(self, order: &ArrivedOrder) -> String {
        match self {
            Self::Rest => order.order_id.clone(),
            Self::Oms => order.number.clone(),
        }
    }

    /// A fault at an operation.
    pub fn fault(self, operation: Operation, kind: FaultKind) -> Fault {
        match self {
            Self::Rest => {
                let (method, path) = match operation {
                    Operation::Send => ("POST", "/api/orders"),
                    Operation::LookUp => ("GET", "/api/orders/*/status"),
                    Operation::Shipments => ("GET", "/api/shipments"),
                };
                Fault::on(path, kind).method(method)
            }
            Self::Oms => Fault::on("/pmomsws/oms.asmx", kind).operation(oms_operation(operation)),
        }
    }

    /// Whether a request calls this operation.
    pub fn is_call(self, request: &LoggedRequest, operation: Operation) -> bool {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        match (self, operation) {
            (Self::Oms, _) => request.operation.as_deref() == Some(oms_operation(operation)),
            (Self::Rest, Operation::Send) => method == "POST" && path == "/api/orders",
            (Self::Rest, Operation::LookUp) => {
                path.starts_with("/api/orders/") && path.ends_with("/status")
            }
            (Self::Rest, Operation::Shipments) => path == "/api/shipments",
        }
    }

    /// The number of the order that a request sends.
    pub fn sent_order(self, request: &LoggedRequest) -> Option<String> {
        self.is_call(request, Operation::Send).then(|| match self {
            Self::Rest => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                body["OrderNumber"].as_str().unwrap().to_owned()
            }
            Self::Oms => between(&request.body, "<order><Header><ID>", "</ID>"),
        })
    }

    /// The number of the order that a request looks up.
    pub fn looked_up_order(self, request: &LoggedRequest) -> Option<String> {
        self.is_call(request, Operation::LookUp)
            .then(|| match self {
                Self::Rest => request.path.split('/').rev().nth(1).unwrap().to_owned(),
                Self::Oms => between(&request.body, "<orderId>", "</orderId>"),
            })
    }

    pub fn send_result(self, request: &LoggedRequest) -> SendResult {
        // With these faults, the status says nothing about the order.
        let injected = matches!(
            request.fault,
            Some("status" | "malformed" | "html" | "huge" | "rate_limited")
        );
        match (self, request.status) {
            (Self::Rest, Some(201)) => SendResult::Accepted,
            (Self::Rest, Some(409)) => SendResult::Duplicate,
            (Self::Rest, Some(401)) if !request.dropped => SendResult::Unauthorized,
            (Self::Oms, Some(200)) if !injected => SendResult::Accepted,
            // The orders of these tests have no other error.
            (Self::Oms, Some(500)) if !injected => SendResult::Duplicate,
            _ => SendResult::Other,
        }
    }

    /// VeraCore's response when it refuses an operation.
    pub fn refusal(self, message: &str) -> FaultKind {
        match self {
            Self::Rest => status(422, json!({ "message": message })),
            Self::Oms => status(500, Value::String(soap_fault(message))),
        }
    }

    /// A fault that refuses the program's credentials.
    pub fn login_refused(self) -> Fault {
        match self {
            Self::Rest => Fault::on("/api/token", error_response(401, "no")),
            Self::Oms => Fault::on("/", self.refusal("Invalid user name or password")),
        }
    }

    /// VeraCore's response for an unknown order.
    pub fn order_not_found(self) -> FaultKind {
        match self {
            Self::Rest => status(404, json!({ "message": "no such order" })),
            Self::Oms => self.refusal("The order was not found"),
        }
    }
}

/// An HTTP error, as from a gateway in front of VeraCore.
pub fn error_response(code: u16, message: &str) -> FaultKind {
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

const fn oms_operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Send => "AddOrder",
        Operation::LookUp => "GetOrderInfo",
        Operation::Shipments => "GetShippingCharge",
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

/// Typical settings for the style `oms`.
pub fn oms_settings(url: Url, credentials: Credentials, limits: UpstreamLimits) -> OmsSettings {
    let methods = ["standard-shipping", "express-shipping"];
    OmsSettings {
        url,
        namespace: None,
        owner: None,
        credentials,
        timezone: ZONE,
        limits,
        freight: methods
            .map(|method| (method.to_owned(), ShipVia::parse("code:U11").unwrap()))
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
