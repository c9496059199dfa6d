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
        refused,
        rest::{errors::Told, values::Problem},
    },
    OmsClient,
    faults::{Asked, Fault, Kind},
    soap::{self, Expected, Login, Said, TakeElement},
    xml::Element,
};
use crate::{
    domain::text::{one_line, without_card_numbers},
    fulfillment::ProviderError,
    http::{Answer, CallError, Effect, Tells},
};

const XML: &str = "text/xml; charset=utf-8";
const MAX_CHARS: usize = 300;

/// What VeraCore calls an order, where it says that it does not have it.
pub(super) const ORDER: &[&str] = &["order*"];

/// What is asked.
pub(super) struct Question<'a> {
    /// Our name for it, in errors and metrics.
    pub name: &'static str,
    /// The service's operation.
    pub operation: &'static str,
    pub effect: Effect,
    /// Its arguments, as XML.
    pub arguments: String,
    /// Words for what is asked for: a fault in which something of another kind is missing does not
    /// say that it is not there.
    pub about: &'static [&'static str],
    /// What no message may repeat.
    pub private: Vec<&'a str>,
}

/// An answer that could be read.
pub(super) enum Reply {
    /// `<Operation>Response`.
    Response { answer: Answer, response: Element },
    /// A fault that is not about who we are.
    Fault(Refusal),
}

/// A fault, or an answer in its place, that is not about who we are.
pub(super) struct Refusal {
    answer: Answer,
    pub kind: Kind,
    /// Safe to show.
    pub message: String,
    name: &'static str,
    operation: &'static str,
}

impl Refusal {
    /// The same with the name of what was asked for.
    pub(super) fn about(mut self, what: &str) -> Self {
        self.message = format!("{}: {}", one_line(what, 80), self.message);
        self
    }

    /// The error that it is where it is no answer.
    pub(super) fn error(self) -> ProviderError {
        match self.kind {
            Kind::Exists | Kind::Missing | Kind::Refusal => ProviderError::Refused {
                upstream: super::VERACORE,
                operation: self.name,
                message: self.message,
            },
            Kind::Login => refused(&self.message),
            Kind::Permission | Kind::NoOperation => ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: self.operation,
                message: self.message,
            },
            Kind::Trouble => status_error(&self.answer, self.name, self.message).into(),
        }
    }
}

/// What an answer says with its status; of a fault within a 200 nobody knows what was done either.
fn status_error(answer: &Answer, operation: &'static str, message: String) -> CallError {
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
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        take: Option<TakeElement<'_>>,
    ) -> Result<Reply, ProviderError> {
        let login = self.login();
        let envelope = soap::envelope(
            &self.namespace,
            question.operation,
            Some(&login),
            &question.arguments,
        );
        let action = format!("{}{}", self.namespace, question.operation);
        let request = self.post(self.url.clone(), envelope, &action);
        let expected = Expected {
            operation: question.operation,
            namespace: Some(&self.namespace),
        };
        self.exchange(question, request, |body| soap::read(body, &expected, take))
            .await
    }

    pub(super) fn login(&self) -> Login<'_> {
        Login {
            username: &self.credentials.client_id,
            password: self.credentials.client_secret.expose_secret(),
        }
    }

    pub(super) fn post(&self, url: Url, envelope: String, action: &str) -> RequestBuilder {
        self.upstream
            .request(Method::POST, url)
            .header(CONTENT_TYPE, XML)
            .header(ACCEPT, "text/xml")
            .header("SOAPAction", format!("\"{action}\""))
            .body(envelope)
    }

    /// Sends a request and tells its answers apart.
    pub(super) async fn exchange(
        &self,
        question: &Question<'_>,
        request: RequestBuilder,
        read: impl FnOnce(&[u8]) -> Result<Said, Problem>,
    ) -> Result<Reply, ProviderError> {
        let mut said: Option<Result<Read, Problem>> = None;
        let judge = |answer: &Answer| {
            let read = read(&answer.body).map(|said| match said {
                Said::Response(response) => Read::Response(response),
                Said::Fault { code, text } => {
                    let asked = Asked {
                        about: question.about,
                        missing: self.missing_text.as_deref(),
                        private: &question.private,
                    };
                    Read::Fault(Fault::of(&code, &text, asked))
                }
            });
            let tells = tells(answer, &read);
            said = Some(read);
            tells
        };
        let answer = self
            .upstream
            .send_judged(question.name, question.effect, request, judge)
            .await?;
        let ours = [
            self.credentials.client_secret.expose_secret(),
            self.credentials.client_id.as_str(),
        ];
        let hidden: Vec<&str> = question.private.iter().copied().chain(ours).collect();
        let said = said.unwrap_or_else(|| Err("it was not read".into()));
        match (answer.status, said) {
            // Whatever it says: it was turned away before anybody worked on it.
            (429, _) => Err(by_status(answer, |answer| {
                Told::read(&answer.body).shown(&hidden)
            })),
            (_, Ok(Read::Fault(fault))) => {
                let message = safe(&fault.words, &hidden);
                self.fault(question, answer, fault.kind, message)
            }
            (200..300, Ok(Read::Response(response))) => Ok(Reply::Response { answer, response }),
            (200..300, Err(problem)) => Err(answer.malformed(safe(&problem, &hidden)).into()),
            (status @ (401 | 403), _) => {
                let shown = Told::read(&answer.body).shown(&hidden);
                let message = match shown.as_str() {
                    "" => format!("HTTP {status}"),
                    _ => format!("HTTP {status}: {shown}"),
                };
                let kind = if status == 401 {
                    Kind::Login
                } else {
                    Kind::Permission
                };
                self.fault(question, answer, kind, message)
            }
            _ => Err(by_status(answer, |answer| match answer.status {
                300..400 => "a redirect, which is not followed: check VERACORE_API_URL".into(),
                _ => Told::read(&answer.body).shown(&hidden),
            })),
        }
    }

    fn fault(
        &self,
        question: &Question<'_>,
        answer: Answer,
        kind: Kind,
        message: String,
    ) -> Result<Reply, ProviderError> {
        match kind {
            Kind::Login if matches!(question.effect, Effect::Read) => {
                self.upstream.refuses_us(&message);
                Err(refused(&message))
            }
            // Others may be allowed: the rest goes on. Of a write, too: a moment ago the same
            // credentials were good for a look, the service that cancels is another one, and a fault
            // about an order must not stop the others.
            Kind::Permission | Kind::Login => Err(ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: question.operation,
                message,
            }),
            Kind::NoOperation => Err(ProviderError::Forbidden {
                upstream: super::VERACORE,
                operation: question.operation,
                message: format!("{message} (check VERACORE_API_URL and VERACORE_OMS_NAMESPACE)"),
            }),
            _ => Ok(Reply::Fault(Refusal {
                answer,
                kind,
                message,
                name: question.name,
                operation: question.operation,
            })),
        }
    }
}

/// What became of a body.
enum Read {
    Fault(Fault),
    Response(Element),
}

/// A fault comes with a 500 and still shows that VeraCore works, unless it is one about itself.
fn tells(answer: &Answer, read: &Result<Read, Problem>) -> Tells {
    match read {
        Ok(Read::Fault(fault)) if answer.status != 429 => match fault.kind {
            Kind::Login => Tells::Nothing,
            Kind::Trouble => Tells::ByStatus,
            _ => Tells::Works,
        },
        _ => Tells::ByStatus,
    }
}

/// Words of VeraCore's as one bounded line, without what is to be hidden.
pub(super) fn safe(words: &str, hidden: &[&str]) -> String {
    let masked = hidden
        .iter()
        // Shorter ones would mask half of the message and are nobody's secret.
        .filter(|hidden| hidden.len() >= 4)
        .fold(words.to_owned(), |words, hidden| {
            words.replace(hidden, "[…]")
        });
    one_line(&without_card_numbers(&masked), MAX_CHARS)
}

/// The error that an answer outside 2xx is.
fn by_status(answer: Answer, message: impl FnOnce(&Answer) -> String) -> ProviderError {
    match answer.success(message) {
        Ok(answer) => answer.malformed("it is no answer to this".into()).into(),
        Err(error) => error.into(),
    }
}
