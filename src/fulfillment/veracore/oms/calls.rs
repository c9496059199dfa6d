//! SOAP calls: the request, the classification of the response, and its errors.

use reqwest::{
    Method, RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    super::common::{
        REDIRECT, VERACORE,
        credentials::credentials_refused,
        error_body::{ErrorBody, redacted_line},
        fields::ParseProblem,
        refusal_message,
    },
    client::OmsClient,
    faults::{FaultContext, SoapFault, SoapFaultKind},
    order_info::{OrderInfo, read_order_info},
    soap::{self, AuthenticationHeader, ElementSink, ExpectedResponse, SoapBody},
    xml::{self, Element},
};
use crate::{
    domain::{OrderCode, text::one_line},
    fulfillment::ProviderError,
    http::{CallError, CallErrorKind, CallKind, HttpResponse, UpstreamVerdict},
};

const XML: &str = "text/xml; charset=utf-8";

/// VeraCore's words for an order in a fault that says that it does not have it.
pub(super) const ORDER_TERMS: &[&str] = &["order*"];

pub(super) struct SoapRequest<'a> {
    /// The call's name in errors and metrics.
    pub name: &'static str,
    pub operation: &'static str,
    pub kind: CallKind,
    /// The operation's arguments, as XML.
    pub arguments: String,
    /// Words for the requested object: a fault about another missing object does not say that this
    /// one is missing.
    pub subject_terms: &'static [&'static str],
    /// Values that messages must not repeat.
    pub redactions: Vec<&'a str>,
}

impl SoapRequest<'_> {
    /// A read, with texts as arguments.
    pub(super) fn read(
        name: &'static str,
        operation: &'static str,
        arguments: &[(&str, &str)],
        subject_terms: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            operation,
            kind: CallKind::Read,
            arguments: xml::text_elements(arguments),
            subject_terms,
            redactions: Vec::new(),
        }
    }
}

pub(super) enum SoapReply {
    /// `<Operation>Response`.
    Response {
        http_response: HttpResponse,
        element: Element,
    },
    /// A fault other than a refusal of our credentials.
    Fault(FaultReply),
}

pub(super) struct FaultReply {
    http_response: HttpResponse,
    pub kind: SoapFaultKind,
    /// Safe to show.
    pub message: String,
    name: &'static str,
    operation: &'static str,
}

impl FaultReply {
    /// Prefixes the message with the name of the requested object.
    pub(super) fn with_subject(mut self, subject: &str) -> Self {
        self.message = format!("{}: {}", one_line(subject, 80), self.message);
        self
    }

    pub(super) fn into_error(self) -> ProviderError {
        match self.kind {
            SoapFaultKind::AlreadyExists | SoapFaultKind::NotFound | SoapFaultKind::Rejected => {
                ProviderError::Refused {
                    upstream: VERACORE,
                    operation: self.name,
                    message: self.message,
                }
            }
            SoapFaultKind::CredentialsRefused => credentials_refused(&self.message),
            SoapFaultKind::Forbidden | SoapFaultKind::UnknownOperation => {
                forbidden(self.operation, self.message)
            }
            // With its status: even for a fault within a 200 it is unknown what was done.
            SoapFaultKind::ServerError => CallError::new(
                VERACORE,
                self.name,
                CallErrorKind::Status {
                    status: self.http_response.status,
                    message: self.message,
                    retry_after: None,
                },
            )
            .into(),
        }
    }
}

pub(super) fn forbidden(operation: &'static str, message: String) -> ProviderError {
    ProviderError::Forbidden {
        upstream: VERACORE,
        operation,
        message,
    }
}

impl OmsClient {
    /// Fetches an order; `None` when VeraCore says that it does not have it.
    pub(super) async fn fetch_order_info(
        &self,
        name: &'static str,
        number: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        let arguments = [("orderId", number.as_str())];
        let request = SoapRequest::read(name, "GetOrderInfo", &arguments, ORDER_TERMS);
        match self.call(&request, None).await? {
            SoapReply::Response {
                http_response,
                element,
            } => read_order_info(&element, self.settings.timezone)
                .map_err(|problem| http_response.malformed(problem).into()),
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => Ok(None),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }

    /// Calls an operation and reads the response. `take`: see [`soap::parse`].
    pub(super) async fn call(
        &self,
        request: &SoapRequest<'_>,
        take: Option<ElementSink<'_>>,
    ) -> Result<SoapReply, ProviderError> {
        let envelope = soap::write_envelope(
            &self.namespace,
            request.operation,
            Some(&self.auth_header()),
            &request.arguments,
        );
        let action = format!("{}{}", self.namespace, request.operation);
        let http_request = self.soap_post(self.settings.url.clone(), envelope, &action);
        let expected = ExpectedResponse {
            operation: request.operation,
            namespace: Some(&self.namespace),
        };
        self.send_and_classify(request, http_request, |body| {
            soap::parse(body, &expected, take)
        })
        .await
    }

    pub(super) fn auth_header(&self) -> AuthenticationHeader<'_> {
        AuthenticationHeader {
            username: &self.settings.credentials.client_id,
            password: self.settings.credentials.client_secret.expose_secret(),
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

    /// The secrets that no message may show.
    pub(super) fn secrets(&self) -> [&str; 2] {
        let login = self.auth_header();
        [login.password, login.username]
    }

    pub(super) async fn send_and_classify(
        &self,
        request: &SoapRequest<'_>,
        http_request: RequestBuilder,
        read: impl FnOnce(&[u8]) -> Result<SoapBody, ParseProblem>,
    ) -> Result<SoapReply, ProviderError> {
        let mut parsed: Option<Result<ParsedBody, ParseProblem>> = None;
        let judge = |response: &HttpResponse| {
            let body = read(&response.body).map(|body| match body {
                SoapBody::Response(element) => ParsedBody::Response(element),
                SoapBody::Fault { code, text } => {
                    let context = FaultContext {
                        subject_terms: request.subject_terms,
                        not_found_text: self.settings.order_not_found_text.as_deref(),
                        redactions: &request.redactions,
                    };
                    ParsedBody::Fault(SoapFault::classify(&code, &text, context))
                }
            });
            let verdict = circuit_signal(response, &body);
            parsed = Some(body);
            verdict
        };
        let response = self
            .upstream
            .send_judged(request.name, request.kind, http_request, judge)
            .await?;
        let redactions: Vec<&str> = request
            .redactions
            .iter()
            .copied()
            .chain(self.secrets())
            .collect();
        let parsed = parsed.unwrap_or_else(|| Err("it was not read".into()));
        match (response.status, parsed) {
            // Whatever its body says: VeraCore rejected the call before it did anything.
            (429, _) => Err(error_from_status(response, &redactions)),
            (_, Ok(ParsedBody::Fault(fault))) => {
                let message = redacted_line(&fault.message, &redactions);
                self.reply_or_error(request, response, fault.kind, message)
            }
            (200..300, Ok(ParsedBody::Response(element))) => Ok(SoapReply::Response {
                http_response: response,
                element,
            }),
            (200..300, Err(problem)) => Err(response
                .malformed(redacted_line(&problem, &redactions))
                .into()),
            (status @ (401 | 403), _) => {
                let message = ErrorBody::parse(&response.body).masked_message(&redactions);
                let kind = if status == 401 {
                    SoapFaultKind::CredentialsRefused
                } else {
                    SoapFaultKind::Forbidden
                };
                self.reply_or_error(request, response, kind, refusal_message(status, &message))
            }
            _ => Err(error_from_status(response, &redactions)),
        }
    }

    fn reply_or_error(
        &self,
        request: &SoapRequest<'_>,
        http_response: HttpResponse,
        kind: SoapFaultKind,
        message: String,
    ) -> Result<SoapReply, ProviderError> {
        match kind {
            SoapFaultKind::CredentialsRefused if matches!(request.kind, CallKind::Read) => {
                self.upstream.mark_unauthorized(&message);
                Err(credentials_refused(&message))
            }
            // Other operations may be allowed, so the rest continues. The same for a write: the
            // lookup before it was accepted with the same credentials, the cancellation service is
            // a different one, and a fault about one order must not stop the others.
            SoapFaultKind::Forbidden | SoapFaultKind::CredentialsRefused => {
                Err(forbidden(request.operation, message))
            }
            SoapFaultKind::UnknownOperation => Err(forbidden(
                request.operation,
                format!("{message} (check VERACORE_API_URL and VERACORE_OMS_NAMESPACE)"),
            )),
            _ => Ok(SoapReply::Fault(FaultReply {
                http_response,
                kind,
                message,
                name: request.name,
                operation: request.operation,
            })),
        }
    }
}

enum ParsedBody {
    Fault(SoapFault),
    Response(Element),
}

/// A fault comes with a 500, but shows that VeraCore works, unless it is a server error.
fn circuit_signal(
    response: &HttpResponse,
    body: &Result<ParsedBody, ParseProblem>,
) -> UpstreamVerdict {
    match body {
        Ok(ParsedBody::Fault(fault)) if response.status != 429 => match fault.kind {
            SoapFaultKind::CredentialsRefused => UpstreamVerdict::Inconclusive,
            SoapFaultKind::ServerError => UpstreamVerdict::ByStatus,
            _ => UpstreamVerdict::Healthy,
        },
        _ => UpstreamVerdict::ByStatus,
    }
}

fn error_from_status(response: HttpResponse, redactions: &[&str]) -> ProviderError {
    let message = |response: &HttpResponse| match response.status {
        300..400 => REDIRECT.into(),
        _ => ErrorBody::parse(&response.body).masked_message(redactions),
    };
    match response.error_for_status(message) {
        Ok(response) => response
            .malformed("it is not a response to this request".into())
            .into(),
        Err(error) => error.into(),
    }
}
