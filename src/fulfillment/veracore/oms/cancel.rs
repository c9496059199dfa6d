//! `CancelOrder` of `orderadjustment.svc`, the service beside the others.
//!
//! Its namespace, action and responses are not documented: settings cover the request, and the
//! caller trusts no response without reading the order (docs/cancellations.md).

use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::{Value, json};
use url::Url;

use super::{
    super::common::{
        error_body::{ErrorBody, redacted_line},
        refusal_message,
    },
    calls::{ORDER_TERMS, SoapReply, SoapRequest, forbidden},
    client::OmsClient,
    faults::SoapFaultKind,
    soap::{self, ExpectedResponse},
    xml::XmlWriter,
};
use crate::{
    domain::{CancelProtocol, FailureClass, OrderCode},
    fulfillment::{CancelResponse, ProviderError},
    http::{CallError, CallErrorKind, CallKind},
};

const CALL_NAME: &str = "cancel_order";
const OPERATION: &str = "CancelOrder";
const SERVICE: &str = "orderadjustment.svc";

/// Words in a response that mean failure.
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

impl OmsClient {
    pub(super) async fn request_cancellation(
        &self,
        number: &OrderCode,
    ) -> Result<CancelResponse, ProviderError> {
        let response = match self.settings.cancel.protocol {
            CancelProtocol::Soap => self.cancel_by_soap(number).await,
            CancelProtocol::Json => self.cancel_by_json(number).await,
        };
        match response {
            Err(ProviderError::Call(CallError {
                kind:
                    CallErrorKind::Status {
                        status: 400 | 409 | 422,
                        message,
                        ..
                    },
                ..
            })) => Ok(CancelResponse::Refused { message }),
            Err(error) if error.class() == FailureClass::Ambiguous => {
                Ok(CancelResponse::Ambiguous {
                    problem: error.to_string(),
                })
            }
            response => response,
        }
    }

    /// The cancellation service, beside the others.
    fn cancel_url(&self, method: &str) -> Url {
        let mut url = self.settings.url.clone();
        // Only a URL like `mailto:` has no segments, and `OmsClient::new` refuses those.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop().push(SERVICE).push(method);
        }
        url
    }

    async fn cancel_by_soap(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        let settings = &self.settings.cancel;
        let mut arguments = XmlWriter::default();
        arguments.open("OrderData");
        self.auth_header().write(&mut arguments, None);
        arguments.nested_text("CancelOrderWSObject", "OrderID", number.as_str());
        arguments.close("OrderData");
        let request = SoapRequest {
            name: CALL_NAME,
            operation: OPERATION,
            kind: CallKind::Write,
            arguments: arguments.into_string(),
            subject_terms: ORDER_TERMS,
            redactions: Vec::new(),
        };
        let action = settings
            .soap_action
            .clone()
            .unwrap_or_else(|| format!("{}{OPERATION}", settings.namespace));
        let envelope =
            soap::write_envelope(&settings.namespace, OPERATION, None, &request.arguments);
        let http_request = self.soap_post(self.cancel_url("soap"), envelope, &action);
        let expected = ExpectedResponse {
            operation: OPERATION,
            namespace: None,
        };
        let reply = self
            .send_and_classify(&request, http_request, |body| {
                soap::parse(body, &expected, None)
            })
            .await?;
        Ok(match reply {
            SoapReply::Response { element, .. } => interpret_text(&element.all_text()),
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
            .request(Method::POST, self.cancel_url(OPERATION))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body.to_string());
        let response = self
            .upstream
            .send(CALL_NAME, CallKind::Write, request)
            .await?;
        let message = |body: &[u8]| ErrorBody::parse(body).masked_message(&self.secrets());
        if let status @ (401 | 403) = response.status {
            // Only this service refuses our credentials: orders still go out.
            let message = refusal_message(status, &message(&response.body));
            return Err(forbidden(OPERATION, message));
        }
        let response = response.error_for_status(|response| message(&response.body))?;
        if response.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(CancelResponse::Accepted);
        }
        let value: Value = response.json()?;
        Ok(interpret_text(&response_text(&value)))
    }
}

/// All texts of a JSON response as one; those of error fields begin with `error`.
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
