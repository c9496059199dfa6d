//! How a call is made and what is made of its answer, whatever it was about.
//!
//! Owns which answers are errors, what may be shown of them, and what they tell about VeraCore as a
//! whole. One try each. Must not know orders, stock or shipments.

use reqwest::{
    Method, RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    super::{
        common::{error_body::ErrorBody, fields::ParseProblem},
        credentials_refused,
    },
    OmsClient,
    faults::{FaultContext, SoapFault, SoapFaultKind},
    soap::{self, AuthenticationHeader, ElementSink, ExpectedResponse, SoapBody},
    xml::Element,
};
use crate::{
    domain::text::{mask_card_numbers, one_line},
    fulfillment::ProviderError,
    http::{CallError, CallKind, HttpResponse, UpstreamVerdict},
};

const XML: &str = "text/xml; charset=utf-8";
const MAX_CHARS: usize = 300;

/// What VeraCore calls an order, where it says that it does not have it.
pub(super) const ORDER_TERMS: &[&str] = &["order*"];

/// What is asked.
pub(super) struct SoapRequest<'a> {
    /// Our name for it, in errors and metrics.
    pub name: &'static str,
    /// The service's operation.
    pub operation: &'static str,
    pub effect: CallKind,
    /// Its arguments, as XML.
    pub arguments: String,
    /// Words for what is asked for: a fault in which something of another kind is missing does not
    /// say that it is not there.
    pub subject_terms: &'static [&'static str],
    /// What no message may repeat.
    pub redactions: Vec<&'a str>,
}

/// An answer that could be read.
pub(super) enum SoapReply {
    /// `<Operation>Response`.
    Response {
        answer: HttpResponse,
        response: Element,
    },
    /// A fault that is not about who we are.
    Fault(FaultReply),
}

/// A fault, or an answer in its place, that is not about who we are.
pub(super) struct FaultReply {
    http_response: HttpResponse,
    pub kind: SoapFaultKind,
    /// Safe to show.
    pub message: String,
    name: &'static str,
    operation: &'static str,
}

impl FaultReply {
    /// The same with the name of what was asked for.
    pub(super) fn with_subject(mut self, what: &str) -> Self {
        self.message = format!("{}: {}", one_line(what, 80), self.message);
        self
    }

    /// The error that it is where it is no answer.
    pub(super) fn into_error(self) -> ProviderError {
        match self.kind {
            SoapFaultKind::AlreadyExists | SoapFaultKind::NotFound | SoapFaultKind::Rejected => {
                ProviderError::Refused {
                    upstream: super::VERACORE,
                    operation: self.name,
                    message: self.message,
                }
            }
            SoapFaultKind::CredentialsRefused => credentials_refused(&self.message),
            SoapFaultKind::Forbidden | SoapFaultKind::UnknownOperation => {
                ProviderError::Forbidden {
                    upstream: super::VERACORE,
                    operation: self.operation,
                    message: self.message,
                }
            }
            SoapFaultKind::ServerError => {
                status_error(&self.http_response, self.name, self.message).into()
            }
        }
    }
}

/// What an answer says with its status; of a fault within a 200 nobody knows what was done either.
fn status_error(answer: &HttpResponse, operation: &'static str, message: String) -> CallError {
    CallError::Status {
        upstream: super::VERACORE,
        operation,
        status: answer.status,
        message,
        retry_after: None,
    }
}

impl OmsClient {
    /// Asks, and reads what came back. `take`: see [`soap::read`].
    pub(super) async fn call(
        &self,
        question: &SoapRequest<'_>,
        take: Option<ElementSink<'_>>,
    ) -> Result<SoapReply, ProviderError> {
        let login = self.auth_header();
        let envelope = soap::write_envelope(
            &self.namespace,
            question.operation,
            Some(&login),
            &question.arguments,
        );
        let action = format!("{}{}", self.namespace, question.operation);
        let request = self.soap_post(self.url.clone(), envelope, &action);
        let expected = ExpectedResponse {
            operation: question.operation,
            namespace: Some(&self.namespace),
        };
        self.send_and_classify(question, request, |body| soap::parse(body, &expected, take))
            .await
    }

    pub(super) fn auth_header(&self) -> AuthenticationHeader<'_> {
        AuthenticationHeader {
            username: &self.credentials.client_id,
            password: self.credentials.client_secret.expose_secret(),
        }
    }

    pub(super) fn soap_post(&self, url: Url, envelope: String, action: &str) -> RequestBuilder {
        self.upstream
            .request(Method::POST, url)
            .header(CONTENT_TYPE, XML)
            .header(ACCEPT, "text/xml")
            .header("SOAPAction", format!("\"{action}\""))
            .body(envelope)
    }

    /// Sends a request and tells its answers apart.
    pub(super) async fn send_and_classify(
        &self,
        question: &SoapRequest<'_>,
        request: RequestBuilder,
        read: impl FnOnce(&[u8]) -> Result<SoapBody, ParseProblem>,
    ) -> Result<SoapReply, ProviderError> {
        let mut said: Option<Result<ParsedBody, ParseProblem>> = None;
        let judge = |answer: &HttpResponse| {
            let read = read(&answer.body).map(|said| match said {
                SoapBody::Response(response) => ParsedBody::Response(response),
                SoapBody::Fault { code, text } => {
                    let asked = FaultContext {
                        subject_terms: question.subject_terms,
                        not_found_text: self.order_not_found_text.as_deref(),
                        redactions: &question.redactions,
                    };
                    ParsedBody::Fault(SoapFault::classify(&code, &text, asked))
                }
            });
            let tells = circuit_signal(answer, &read);
            said = Some(read);
            tells
        };
        let answer = self
            .upstream
            .send_with_verdict(question.name, question.effect, request, judge)
            .await?;
        let ours = [
            self.credentials.client_secret.expose_secret(),
            self.credentials.client_id.as_str(),
        ];
        let hidden: Vec<&str> = question.redactions.iter().copied().chain(ours).collect();
        let said = said.unwrap_or_else(|| Err("it was not read".into()));
        match (answer.status, said) {
            // Whatever it says: it was turned away before anybody worked on it.
            (429, _) => Err(error_from_status(answer, |answer| {
                ErrorBody::parse(&answer.body).masked_message(&hidden)
            })),
            (_, Ok(ParsedBody::Fault(fault))) => {
                let message = redacted_line(&fault.message, &hidden);
                self.reply_or_error(question, answer, fault.kind, message)
            }
            (200..300, Ok(ParsedBody::Response(response))) => {
                Ok(SoapReply::Response { answer, response })
            }
            (200..300, Err(problem)) => {
                Err(answer.malformed(redacted_line(&problem, &hidden)).into())
            }
            (status @ (401 | 403), _) => {
                let shown = ErrorBody::parse(&answer.body).masked_message(&hidden);
                let message = match shown.as_str() {
                    "" => format!("HTTP {status}"),
                    _ => format!("HTTP {status}: {shown}"),
                };
                let kind = if status == 401 {
                    SoapFaultKind::CredentialsRefused
                } else {
                    SoapFaultKind::Forbidden
                };
                self.reply_or_error(question, answer, kind, message)
            }
            _ => Err(error_from_status(answer, |answer| match answer.status {
                300..400 => "a redirect, which is not followed: check VERACORE_API_URL".into(),
                _ => ErrorBody::parse(&answer.body).masked_message(&hidden),
            })),
        }
    }

    fn reply_or_error(
        &self,
        question: &SoapRequest<'_>,
        answer: HttpResponse,
        kind: SoapFaultKind,
        message: String,
    ) -> Result<SoapReply, ProviderError> {
        match kind {
            SoapFaultKind::CredentialsRefused if matches!(question.effect, CallKind::Read) => {
                self.upstream.mark_unauthorized(&message);
                Err(credentials_refused(&message))
            }
            // Others may be allowed: the rest goes on. Of a write, too: a moment ago the same
            // credentials were good for a look, the service that cancels is another one, and a fault
            // about an order must not stop the others.
            SoapFaultKind::Forbidden | SoapFaultKind::CredentialsRefused => {
                Err(ProviderError::Forbidden {
                    upstream: super::VERACORE,
                    operation: question.operation,
                    message,
                })
            }
            SoapFaultKind::UnknownOperation => Err(ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: question.operation,
                message: format!("{message} (check VERACORE_API_URL and VERACORE_OMS_NAMESPACE)"),
            }),
            _ => Ok(SoapReply::Fault(FaultReply {
                http_response: answer,
                kind,
                message,
                name: question.name,
                operation: question.operation,
            })),
        }
    }
}

/// What became of a body.
enum ParsedBody {
    Fault(SoapFault),
    Response(Element),
}

/// A fault comes with a 500 and still shows that VeraCore works, unless it is one about itself.
fn circuit_signal(
    answer: &HttpResponse,
    read: &Result<ParsedBody, ParseProblem>,
) -> UpstreamVerdict {
    match read {
        Ok(ParsedBody::Fault(fault)) if answer.status != 429 => match fault.kind {
            SoapFaultKind::CredentialsRefused => UpstreamVerdict::Inconclusive,
            SoapFaultKind::ServerError => UpstreamVerdict::ByStatus,
            _ => UpstreamVerdict::Healthy,
        },
        _ => UpstreamVerdict::ByStatus,
    }
}

/// Words of VeraCore's as one bounded line, without what is to be hidden.
pub(super) fn redacted_line(words: &str, hidden: &[&str]) -> String {
    let masked = hidden
        .iter()
        // Shorter ones would mask half of the message and are nobody's secret.
        .filter(|hidden| hidden.len() >= 4)
        .fold(words.to_owned(), |words, hidden| {
            words.replace(hidden, "[…]")
        });
    one_line(&mask_card_numbers(&masked), MAX_CHARS)
}

/// The error that an answer outside 2xx is.
fn error_from_status(
    answer: HttpResponse,
    message: impl FnOnce(&HttpResponse) -> String,
) -> ProviderError {
    match answer.error_for_status(message) {
        Ok(answer) => answer.malformed("it is no answer to this".into()).into(),
        Err(error) => error.into(),
    }
}
