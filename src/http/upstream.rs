//! The one way out: every outbound call goes through [`Upstream::send`].

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Client, Method, RequestBuilder, header::RETRY_AFTER, redirect};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};
use url::Url;

use super::{
    CallError, CallKind, Circuit, HttpResponse, RequestSent, error::status_category, retry_after,
};
use crate::{
    clock::SharedClock,
    crash,
    domain::{ErrorCategory, text::one_line},
    telemetry::metrics::{self, UpstreamLabel},
};

/// What one upstream is spared, and what we are spared from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// For the whole call, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// For the connection alone; at most `timeout`.
    pub connect_timeout: Duration,
    /// Largest answer read, in bytes after decompression.
    pub max_body_bytes: usize,
    pub max_concurrency: usize,
    /// Calls per second; `None` for no limit.
    pub max_per_second: Option<NonZeroU32>,
}

/// What an answer tells about the upstream, not about what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamVerdict {
    /// What its status says.
    ByStatus,
    /// That it works for us, whatever the status: SOAP refuses an order by a 500.
    Healthy,
    Inconclusive,
}

/// One system that we call: its connections, its limits and its name in every error.
pub struct Upstream {
    name: &'static str,
    /// Its name where calls are counted.
    metric_label: UpstreamLabel,
    client: Client,
    limits: UpstreamLimits,
    permits: Semaphore,
    rate_limiter: Option<DefaultDirectRateLimiter>,
    clock: SharedClock,
    circuit: Circuit,
}

/// Between the tries of a read.
const READ_RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

impl Upstream {
    #[expect(clippy::disallowed_methods, reason = "the one client builder")]
    pub fn new(
        name: &'static str,
        metric_label: UpstreamLabel,
        limits: UpstreamLimits,
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
            metric_label,
            client,
            limits,
            permits: Semaphore::new(limits.max_concurrency),
            rate_limiter: limits
                .max_per_second
                .map(|n| RateLimiter::direct(Quota::per_second(n))),
            circuit: Circuit::new(name, Arc::clone(&clock)),
            clock,
        })
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// The circuit, for those who wait for it to close.
    pub fn circuit(&self) -> Circuit {
        self.circuit.clone()
    }

    /// Takes note that the upstream does not know us: nothing more is sent to it for a while.
    pub fn mark_unauthorized(&self, problem: &str) {
        self.circuit.mark_unauthorized(one_line(problem, 200));
    }

    /// Makes one call, when its turn comes, and reads the whole response, of any status (see
    /// [`HttpResponse::error_for_status`]). Retries a read after a failure that may pass at once,
    /// within the time of one call.
    pub async fn send(
        &self,
        operation: &'static str,
        kind: CallKind,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        self.send_judged(operation, kind, request, |_| UpstreamVerdict::ByStatus)
            .await
    }

    /// [`Upstream::send`] for protocols whose status does not tell enough: `judge` decides what a
    /// response says about the upstream.
    pub async fn send_judged(
        &self,
        operation: &'static str,
        effect: CallKind,
        request: RequestBuilder,
        judge: impl FnOnce(&HttpResponse) -> UpstreamVerdict,
    ) -> Result<HttpResponse, CallError> {
        let _permit = self.acquire_permit(operation).await?;
        let ticket = self.circuit.admit(operation, effect)?;
        let outcome = match effect {
            CallKind::Read if !ticket.is_probe() => {
                self.send_with_retries(operation, request).await
            }
            CallKind::Read | CallKind::Login => self.send_timed(operation, request).await,
            CallKind::Write | CallKind::IdempotentWrite => {
                let _write = crash::points_around("call", operation);
                self.send_timed(operation, request).await
            }
        };
        let told = outcome.as_ref().map(judge);
        metrics::record_request(
            self.metric_label,
            operation,
            failure_category(&outcome, told.ok()),
        );
        match told {
            Ok(UpstreamVerdict::Inconclusive) => drop(ticket),
            Ok(UpstreamVerdict::Healthy) => ticket.finish_ok(),
            Ok(UpstreamVerdict::ByStatus) | Err(_) => ticket.finish(&outcome),
        }
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

    /// Waits for a turn.
    async fn acquire_permit(
        &self,
        operation: &'static str,
    ) -> Result<Option<SemaphorePermit<'_>>, CallError> {
        let turn = async {
            // The semaphore is never closed; were it, the call would simply not be limited.
            let permit = self.permits.acquire().await.ok();
            if let Some(rate) = &self.rate_limiter {
                rate.until_ready().await;
            }
            permit
        };
        // Whoever waits for longer than a call may take has a lease that goes on running.
        let limit = self.limits.timeout;
        tokio::time::timeout(limit, turn)
            .await
            .map_err(|_| CallError::Timeout {
                upstream: self.name,
                operation,
                limit,
                sent: RequestSent::No,
            })
    }

    /// Makes a read, and makes it again. Within the time of one call: leases are reckoned by that.
    async fn send_with_retries(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        let end = Instant::now() + self.limits.timeout;
        let mut request = request;
        for pause in READ_RETRY_DELAYS {
            // A body that is a stream cannot be sent twice; ours are bytes.
            let Some(again) = request.try_clone() else {
                break;
            };
            let outcome = self.send_timed(operation, request).await;
            let left = end.saturating_duration_since(Instant::now());
            if !is_retryable(&outcome) || left < pause * 3 / 2 {
                return outcome;
            }
            metrics::record_request(
                self.metric_label,
                operation,
                failure_category(&outcome, None),
            );
            sleep(pause).await;
            if let Some(rate) = &self.rate_limiter {
                rate.until_ready().await;
            }
            let left = end.saturating_duration_since(Instant::now());
            request = again.timeout(left);
        }
        self.send_timed(operation, request).await
    }

    async fn send_timed(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        let start = Instant::now();
        let outcome = self.send_and_read(operation, request).await;
        metrics::record_request_duration(self.metric_label, operation, start.elapsed());
        outcome
    }

    async fn send_and_read(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        let failed = |error| self.call_error(operation, error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let too_large = || CallError::TooLarge {
            upstream: self.name,
            operation,
            limit: self.limits.max_body_bytes,
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.limits.max_body_bytes as u64 {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.limits.max_body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after::parse(value, self.clock.now()));
        Ok(HttpResponse {
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
                detail: root_cause(&error),
            };
        }
        if error.is_timeout() {
            let limit = self.limits.timeout;
            return CallError::Timeout {
                upstream,
                operation,
                limit,
                sent: RequestSent::Maybe,
            };
        }
        CallError::ConnectionLost {
            upstream,
            operation,
            detail: root_cause(&error),
        }
    }
}

/// Whether a failed read is worth making again within a second: the connection broke or was
/// refused, or a gateway could not reach what is behind it. Not when it asks to be left alone.
fn is_retryable(outcome: &Result<HttpResponse, CallError>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status, 502..=504) && answer.retry_after.is_none(),
        Err(error) => matches!(
            error,
            CallError::Connect { .. } | CallError::ConnectionLost { .. }
        ),
    }
}

/// What is counted of a request that did not go well. An upstream that refuses by a 500 what it
/// understood well did not fail.
fn failure_category(
    outcome: &Result<HttpResponse, CallError>,
    tells: Option<UpstreamVerdict>,
) -> Option<ErrorCategory> {
    match outcome {
        Ok(answer) if answer.is_success() => None,
        Ok(answer) if tells == Some(UpstreamVerdict::Healthy) && answer.status >= 500 => {
            Some(ErrorCategory::Validation)
        }
        Ok(answer) => Some(status_category(answer.status)),
        Err(error) => Some(error.category()),
    }
}

/// The innermost cause: "connection refused" rather than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    one_line(&innermost.to_string(), 200)
}
