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
    super::rest::errors::Told,
    CancelSettings, CancelStyle, OmsClient,
    calls::{ORDER, Question, Reply, safe},
    faults::Kind,
    soap::{self, Expected},
    xml::Xml,
};
use crate::{
    domain::{Class, OrderCode},
    fulfillment::{CancelAnswer, ProviderError},
    http::{CallError, Effect},
};

const NAME: &str = "cancel_order";
const OPERATION: &str = "CancelOrder";
const SERVICE: &str = "orderadjustment.svc";

/// Words of an answer that is none of success.
const NOT_DONE: [&str; 8] = [
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
pub(super) struct CancelService {
    url: Url,
    settings: CancelSettings,
}

impl CancelService {
    /// Beside the service at `url`.
    pub(super) fn new(url: &Url, settings: CancelSettings) -> Self {
        let mut beside = url.clone();
        // Only a URL like `mailto:` has no segments, and none such is taken.
        if let Ok(mut path) = beside.path_segments_mut() {
            path.pop_if_empty()
                .pop()
                .push(SERVICE)
                .push(match settings.style {
                    CancelStyle::Soap => "soap",
                    CancelStyle::Json => OPERATION,
                });
        }
        Self {
            url: beside,
            settings,
        }
    }
}

impl OmsClient {
    pub(super) async fn cancel_at_veracore(
        &self,
        number: &OrderCode,
    ) -> Result<CancelAnswer, ProviderError> {
        let answer = match self.cancel.settings.style {
            CancelStyle::Soap => self.cancel_by_soap(number).await,
            CancelStyle::Json => self.cancel_by_json(number).await,
        };
        match answer {
            Err(ProviderError::Call(CallError::Status {
                status: 400 | 409 | 422,
                message,
                ..
            })) => Ok(CancelAnswer::Refused { message }),
            Err(error) if error.class() == Class::Ambiguous => Ok(CancelAnswer::Unknown {
                problem: error.to_string(),
            }),
            answer => answer,
        }
    }

    async fn cancel_by_soap(&self, number: &OrderCode) -> Result<CancelAnswer, ProviderError> {
        let CancelService { url, settings } = &self.cancel;
        let mut arguments = Xml::default();
        arguments.open("OrderData");
        self.login().write(&mut arguments, None);
        arguments.open("CancelOrderWSObject");
        arguments.text("OrderID", number.as_str());
        arguments.close("CancelOrderWSObject");
        arguments.close("OrderData");
        let question = Question {
            name: NAME,
            operation: OPERATION,
            effect: Effect::Write,
            arguments: arguments.into_string(),
            about: ORDER,
            private: Vec::new(),
        };
        let action = settings
            .action
            .clone()
            .unwrap_or_else(|| format!("{}{OPERATION}", settings.namespace));
        let envelope = soap::envelope(&settings.namespace, OPERATION, None, &question.arguments);
        let request = self.post(url.clone(), envelope, &action);
        let expected = Expected {
            operation: OPERATION,
            namespace: None,
        };
        let reply = self
            .exchange(&question, request, |body| soap::read(body, &expected, None))
            .await?;
        Ok(match reply {
            Reply::Response { response, .. } => said(&response.all_text()),
            Reply::Fault(fault) if fault.kind == Kind::Trouble => CancelAnswer::Unknown {
                problem: fault.message,
            },
            Reply::Fault(fault) => CancelAnswer::Refused {
                message: fault.message,
            },
        })
    }

    async fn cancel_by_json(&self, number: &OrderCode) -> Result<CancelAnswer, ProviderError> {
        let login = self.login();
        let body = json!({
            "AuthenticationHeader": { "Username": login.username, "Password": login.password },
            "CancelOrderWSObject": { "OrderID": number.as_str() },
        });
        let request = self
            .upstream
            .request(Method::POST, self.cancel.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body.to_string());
        let answer = self
            .upstream
            .send(NAME, Effect::Write, request, |_| false)
            .await?;
        let hidden = [self.credentials.client_secret.expose_secret()];
        let shown = |body: &[u8]| Told::read(body).shown(&hidden);
        if matches!(answer.status, 401 | 403) {
            // Of this service alone: what it thinks of us stops no order.
            return Err(ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: OPERATION,
                message: format!("HTTP {}: {}", answer.status, shown(&answer.body)),
            });
        }
        let answer = answer.success(|answer| shown(&answer.body))?;
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(CancelAnswer::Done);
        }
        let value: Value = answer.json()?;
        Ok(said(&verdict(&value)))
    }
}

/// What of an object says whether it was done, as one text.
fn verdict(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(fields) => {
            let texts = fields.iter().map(|(name, value)| {
                let text = verdict(value);
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
        Value::Array(values) => values.iter().map(verdict).collect::<Vec<_>>().join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn said(text: &str) -> CancelAnswer {
    let lower = text.to_lowercase();
    if NOT_DONE.iter().any(|word| lower.contains(word)) {
        return CancelAnswer::Refused {
            message: safe(text.trim(), &[]),
        };
    }
    CancelAnswer::Done
}
