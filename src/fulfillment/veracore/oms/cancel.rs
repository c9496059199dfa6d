//! `CancelOrder` of `orderadjustment.svc`, the service beside the others.
//!
//! Owns how a cancellation is asked for. Namespace, action and answers of this service are not
//! documented (reference, A7): the settings cover what is sent, and no answer of it is believed
//! without a look at the order.

use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::{
    super::common::error_body::ErrorBody,
    CancelProtocol, OmsCancelSettings, OmsClient,
    calls::{ORDER_TERMS, SoapReply, SoapRequest, redacted_line},
    faults::SoapFaultKind,
    soap::{self, ExpectedResponse},
    xml::XmlWriter,
};
use crate::{
    domain::{FailureClass, OrderCode},
    fulfillment::{CancelResponse, ProviderError},
    http::{CallError, CallKind},
};

const CALL_NAME: &str = "cancel_order";
const OPERATION: &str = "CancelOrder";
const SERVICE: &str = "orderadjustment.svc";

/// Words of an answer that is none of success.
const FAILURE_TERMS: [&str; 8] = [
    "false",
    "fail",
    "error",
    "cannot",
    "can not",
    "could not",
    "unable",
    "not be cancel",
];

/// Where and how a cancellation is asked for.
pub(super) struct CancelEndpoint {
    url: Url,
    settings: OmsCancelSettings,
}

impl CancelEndpoint {
    /// Beside the service at `url`.
    pub(super) fn new(url: &Url, settings: OmsCancelSettings) -> Self {
        let mut beside = url.clone();
        // Only a URL like `mailto:` has no segments, and none such is taken.
        if let Ok(mut path) = beside.path_segments_mut() {
            path.pop_if_empty()
                .pop()
                .push(SERVICE)
                .push(match settings.protocol {
                    CancelProtocol::Soap => "soap",
                    CancelProtocol::Json => OPERATION,
                });
        }
        Self {
            url: beside,
            settings,
        }
    }
}

impl OmsClient {
    pub(super) async fn request_cancellation(
        &self,
        number: &OrderCode,
    ) -> Result<CancelResponse, ProviderError> {
        let answer = match self.cancel_endpoint.settings.protocol {
            CancelProtocol::Soap => self.cancel_by_soap(number).await,
            CancelProtocol::Json => self.cancel_by_json(number).await,
        };
        match answer {
            Err(ProviderError::Call(CallError::Status {
                status: 400 | 409 | 422,
                message,
                ..
            })) => Ok(CancelResponse::Refused { message }),
            Err(error) if error.class() == FailureClass::Ambiguous => {
                Ok(CancelResponse::Ambiguous {
                    problem: error.to_string(),
                })
            }
            answer => answer,
        }
    }

    async fn cancel_by_soap(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        let CancelEndpoint { url, settings } = &self.cancel_endpoint;
        let mut arguments = XmlWriter::default();
        arguments.open("OrderData");
        self.auth_header().write(&mut arguments, None);
        arguments.open("CancelOrderWSObject");
        arguments.text_element("OrderID", number.as_str());
        arguments.close("CancelOrderWSObject");
        arguments.close("OrderData");
        let question = SoapRequest {
            name: CALL_NAME,
            operation: OPERATION,
            effect: CallKind::Write,
            arguments: arguments.into_string(),
            subject_terms: ORDER_TERMS,
            redactions: Vec::new(),
        };
        let action = settings
            .soap_action
            .clone()
            .unwrap_or_else(|| format!("{}{OPERATION}", settings.namespace));
        let envelope =
            soap::write_envelope(&settings.namespace, OPERATION, None, &question.arguments);
        let request = self.soap_post(url.clone(), envelope, &action);
        let expected = ExpectedResponse {
            operation: OPERATION,
            namespace: None,
        };
        let reply = self
            .send_and_classify(&question, request, |body| {
                soap::parse(body, &expected, None)
            })
            .await?;
        Ok(match reply {
            SoapReply::Response { response, .. } => interpret_text(&response.all_text()),
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::ServerError => {
                CancelResponse::Ambiguous {
                    problem: fault.message,
                }
            }
            SoapReply::Fault(fault) => CancelResponse::Refused {
                message: fault.message,
            },
        })
    }

    async fn cancel_by_json(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        let login = self.auth_header();
        let body = json!({
            "AuthenticationHeader": { "Username": login.username, "Password": login.password },
            "CancelOrderWSObject": { "OrderID": number.as_str() },
        });
        let request = self
            .upstream
            .request(Method::POST, self.cancel_endpoint.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body.to_string());
        let answer = self
            .upstream
            .send(CALL_NAME, CallKind::Write, request, |_| false)
            .await?;
        let hidden = [self.credentials.client_secret.expose_secret()];
        let shown = |body: &[u8]| ErrorBody::parse(body).masked_message(&hidden);
        if matches!(answer.status, 401 | 403) {
            // Of this service alone: what it thinks of us stops no order.
            return Err(ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: OPERATION,
                message: format!("HTTP {}: {}", answer.status, shown(&answer.body)),
            });
        }
        let answer = answer.error_for_status(|answer| shown(&answer.body))?;
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(CancelResponse::Accepted);
        }
        let value: Value = answer.json()?;
        Ok(interpret_text(&response_text(&value)))
    }
}

/// What of an object says whether it was done, as one text.
fn response_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(fields) => {
            let texts = fields.iter().map(|(name, value)| {
                let text = response_text(value);
                let is_error = name.to_ascii_lowercase().contains("error");
                if is_error && !text.is_empty() {
                    format!("error: {text}")
                } else {
                    text
                }
            });
            texts
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join("; ")
        }
        Value::Array(values) => values
            .iter()
            .map(response_text)
            .collect::<Vec<_>>()
            .join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn interpret_text(text: &str) -> CancelResponse {
    let lower = text.to_lowercase();
    if FAILURE_TERMS.iter().any(|word| lower.contains(word)) {
        return CancelResponse::Refused {
            message: redacted_line(text.trim(), &[]),
        };
    }
    CancelResponse::Accepted
}
