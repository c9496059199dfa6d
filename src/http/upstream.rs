//! The one way out: every outbound call goes through [`Upstream::send`].

use std::{fmt, num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{
    Client, Method, RequestBuilder,
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Semaphore;
use url::Url;

use super::{CallError, Health, Sent, retry_after};
use crate::{clock::SharedClock, domain::text::one_line};

/// What one upstream is spared, and what we are spared from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the whole call, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// For the connection alone; at most `timeout`.
    pub connect_timeout: Duration,
    /// Largest answer read, in bytes after decompression.
    pub max_body: usize,
    pub max_concurrency: usize,
    /// Calls per second; `None` for no limit.
    pub per_second: Option<NonZeroU32>,
}

/// One system that we call: its connections, its limits and its name in every error.
pub struct Upstream {
    name: &'static str,
    client: Client,
    limits: Limits,
    permits: Semaphore,
    rate: Option<DefaultDirectRateLimiter>,
    clock: SharedClock,
    health: Health,
}

/// A whole answer, whatever its status.
pub struct Answer {
    upstream: &'static str,
    operation: &'static str,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Upstream {
    /// # Errors
    /// When the TLS set-up of this machine is unusable (no system certificates, for one).
    #[expect(clippy::disallowed_methods, reason = "the one client builder")]
    pub fn new(
        name: &'static str,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        // A second call finds a provider installed already, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("veracore-sync/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.timeout)
            .connect_timeout(limits.connect_timeout)
            // A redirected POST would be repeated as a GET or sent elsewhere with its credentials.
            .redirect(redirect::Policy::none())
            // By default HTTP/2 requests that a gateway turned away are sent again: what is sent
            // again, and when, is decided by those who know what it means.
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self {
            name,
            client,
            limits,
            permits: Semaphore::new(limits.max_concurrency),
            rate: limits
                .per_second
                .map(|n| RateLimiter::direct(Quota::per_second(n))),
            clock,
            health: Health::default(),
        })
    }

    /// How the last calls went.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Makes one call and reads the whole answer, waiting for its turn first. Any status is an
    /// answer; see [`Answer::success`].
    ///
    /// # Errors
    /// When no whole answer came, or one larger than the limit.
    pub async fn send(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, CallError> {
        let turn = async {
            // The semaphore is never closed; were it, the call would simply not be limited.
            let permit = self.permits.acquire().await.ok();
            if let Some(rate) = &self.rate {
                rate.until_ready().await;
            }
            permit
        };
        // Whoever waits for longer than a call may take has a lease that goes on running.
        let limit = self.limits.timeout;
        let Ok(_permit) = tokio::time::timeout(limit, turn).await else {
            return Err(CallError::Timeout {
                upstream: self.name,
                operation,
                limit,
                sent: Sent::No,
            });
        };
        let outcome = self.exchange(operation, request).await;
        self.health.note(&outcome, self.clock.now());
        match &outcome {
            Ok(answer) => tracing::debug!(
                upstream = self.name,
                operation,
                status = answer.status,
                bytes = answer.body.len(),
                "called {}",
                self.name
            ),
            Err(error) => tracing::debug!(upstream = self.name, operation, %error, "call failed"),
        }
        outcome
    }

    async fn exchange(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, CallError> {
        let failed = |error| self.call_error(operation, error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let too_large = || CallError::TooLarge {
            upstream: self.name,
            operation,
            limit: self.limits.max_body,
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.limits.max_body as u64 {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.limits.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after::parse(value, self.clock.now()));
        Ok(Answer {
            upstream: self.name,
            operation,
            status,
            headers,
            body,
            retry_after,
        })
    }

    fn call_error(&self, operation: &'static str, error: reqwest::Error) -> CallError {
        let upstream = self.name;
        // A URL may carry an order number or more; the operation says enough.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            return CallError::Connect {
                upstream,
                operation,
                detail: cause(&error),
            };
        }
        if error.is_timeout() {
            let limit = self.limits.timeout;
            return CallError::Timeout {
                upstream,
                operation,
                limit,
                sent: Sent::Maybe,
            };
        }
        CallError::Broken {
            upstream,
            operation,
            detail: cause(&error),
        }
    }
}

/// The innermost cause: "connection refused" rather than "error sending request".
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    one_line(&innermost.to_string(), 200)
}

/// Body and headers hold tokens and customers: neither is shown.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("upstream", &self.upstream)
            .field("operation", &self.operation)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// This answer when its status is in 2xx, else the error that it is. `message` finds the
    /// upstream's own words in an error's body.
    ///
    /// # Errors
    /// [`CallError::Status`] for any other status.
    pub fn success(self, message: impl FnOnce(&Self) -> String) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(CallError::Status {
            upstream: self.upstream,
            operation: self.operation,
            status: self.status,
            message: message(&self),
            retry_after: self.retry_after,
        })
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// [`CallError::Malformed`] with the field when it is not what was agreed.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        parse_json(&self.body).map_err(|problem| self.malformed(problem))
    }

    /// A [`CallError::Malformed`] about this answer.
    #[must_use]
    pub fn malformed(&self, detail: String) -> CallError {
        CallError::Malformed {
            upstream: self.upstream,
            operation: self.operation,
            detail,
        }
    }
}

/// Reads JSON from outside; the error names the field, and quotes nothing of the value.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    match body.iter().find(|b| !b.is_ascii_whitespace()) {
        None => return Err("it is empty".into()),
        Some(b'<') => return Err("it is HTML or XML instead of JSON".into()),
        Some(_) => {}
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let problem = without_quoted(&error.inner().to_string());
        let place = if field == "." {
            String::new()
        } else {
            format!("{field}: ")
        };
        one_line(&format!("{place}{problem}"), 200)
    })?;
    reader
        .end()
        .map_err(|_| "there is more behind its end".to_owned())?;
    Ok(value)
}

/// serde quotes the value that it stumbled over, which may be somebody's address.
fn without_quoted(problem: &str) -> String {
    match (problem.find('"'), problem.rfind('"')) {
        (Some(from), Some(to)) if from < to => {
            format!("{}\"…{}", &problem[..from], &problem[to..])
        }
        _ => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[expect(dead_code, reason = "read only for its type")]
        size: u32,
    }

    #[test]
    fn what_is_wrong_with_json_is_told_without_quoting_it() {
        let problem = |text: &str| parse_json::<Vec<Row>>(text.as_bytes()).unwrap_err();
        assert_eq!(
            problem(r#"[{"size": 1}, {"size": "1 Main \"St"}]"#),
            r#"[1].size: invalid type: string "…", expected u32 at line 1 column 36"#
        );
        assert_eq!(
            problem(r#"[{}]"#),
            "[0]: missing field `size` at line 1 column 3"
        );
        assert_eq!(problem(" \n"), "it is empty");
        assert_eq!(problem("<html>"), "it is HTML or XML instead of JSON");
        assert_eq!(problem("[] []"), "there is more behind its end");
        assert!(problem("[{").contains("EOF"));
    }
}
