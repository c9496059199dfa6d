//! Outbound calls: each goes through [`Upstream::send`].

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Client, Method, RequestBuilder, header::RETRY_AFTER, redirect};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};
use url::Url;

use super::{
    CallError, CallErrorKind, CallKind, Circuit, HttpResponse, RequestSent,
    circuit::UpstreamVerdict, error::status_category, retry_after,
};
use crate::{
    clock::SharedClock,
    crash,
    domain::{ErrorCategory, text::one_line},
    telemetry::metrics::{self, UpstreamLabel},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Of the whole call, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// Of the connection alone; at most `timeout`.
    pub connect_timeout: Duration,
    /// The largest accepted response, in bytes after decompression.
    pub max_body_bytes: usize,
    pub max_concurrency: usize,
    /// Calls per second; `None` for no limit.
    pub max_per_second: Option<NonZeroU32>,
}

/// A system that we call: its connections, its limits and its name in errors.
pub struct Upstream {
    name: &'static str,
    metric_label: UpstreamLabel,
    client: Client,
    limits: UpstreamLimits,
    permits: Semaphore,
    rate_limiter: Option<DefaultDirectRateLimiter>,
    clock: SharedClock,
    circuit: Circuit,
}

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
            // By default reqwest repeats HTTP/2 requests that a gateway refused. Only the caller knows
            // whether a request may be repeated.
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

    pub fn circuit(&self) -> Circuit {
        self.circuit.clone()
    }

    pub fn mark_unauthorized(&self, problem: &str) {
        self.circuit.mark_unauthorized(one_line(problem, 200));
    }

    /// Makes one call within the limits, and reads the whole response, of any status (see
    /// [`HttpResponse::error_for_status`]). Retries a read after a brief failure, within the timeout
    /// of one call.
    pub async fn send(
        &self,
        operation: &'static str,
        kind: CallKind,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        self.send_judged(operation, kind, request, |_| UpstreamVerdict::ByStatus)
            .await
    }

    /// [`Upstream::send`] for protocols whose status is not enough: `judge` decides what a response
    /// says about the upstream.
    pub async fn send_judged(
        &self,
        operation: &'static str,
        kind: CallKind,
        request: RequestBuilder,
        judge: impl FnOnce(&HttpResponse) -> UpstreamVerdict,
    ) -> Result<HttpResponse, CallError> {
        let _permit = self.acquire_permit(operation).await?;
        let call = self.circuit.admit(operation, kind)?;
        let outcome = match kind {
            CallKind::Read if !call.is_probe() => self.send_with_retries(operation, request).await,
            CallKind::Read | CallKind::Login => self.send_timed(operation, request).await,
            CallKind::Write | CallKind::IdempotentWrite => {
                let _write = crash::points_around("call", operation);
                self.send_timed(operation, request).await
            }
        };
        let verdict = outcome.as_ref().map_or(UpstreamVerdict::ByStatus, judge);
        self.count(operation, &outcome, verdict);
        call.finish(&outcome, verdict);
        match &outcome {
            Ok(response) => tracing::debug!(
                upstream = self.name,
                operation,
                status = response.status,
                bytes = response.body.len(),
                "called {}",
                self.name
            ),
            Err(error) => tracing::debug!(upstream = self.name, operation, %error, "call failed"),
        }
        outcome
    }

    /// Waits for the limits of concurrency and rate.
    async fn acquire_permit(
        &self,
        operation: &'static str,
    ) -> Result<Option<SemaphorePermit<'_>>, CallError> {
        let permit = async {
            // The semaphore is never closed; if it were, concurrency would be unlimited.
            let permit = self.permits.acquire().await.ok();
            if let Some(rate) = &self.rate_limiter {
                rate.until_ready().await;
            }
            permit
        };
        // The caller may have a lease, which expires.
        let limit = self.limits.timeout;
        tokio::time::timeout(limit, permit).await.map_err(|_| {
            let sent = RequestSent::No;
            CallError::new(self.name, operation, CallErrorKind::Timeout { limit, sent })
        })
    }

    /// Retries a read within the timeout of one call, which lease durations are computed from.
    async fn send_with_retries(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<HttpResponse, CallError> {
        let end = Instant::now() + self.limits.timeout;
        let mut request = request;
        for delay in READ_RETRY_DELAYS {
            // A stream cannot be sent twice; our bodies are bytes.
            let Some(retry) = request.try_clone() else {
                break;
            };
            let outcome = self.send_timed(operation, request).await;
            let left = end.saturating_duration_since(Instant::now());
            if !is_retryable(&outcome) || left < delay * 3 / 2 {
                return outcome;
            }
            self.count(operation, &outcome, UpstreamVerdict::ByStatus);
            sleep(delay).await;
            if let Some(rate) = &self.rate_limiter {
                rate.until_ready().await;
            }
            let left = end.saturating_duration_since(Instant::now());
            request = retry.timeout(left);
        }
        self.send_timed(operation, request).await
    }

    fn count(
        &self,
        operation: &'static str,
        outcome: &Result<HttpResponse, CallError>,
        verdict: UpstreamVerdict,
    ) {
        let failure = failure_category(outcome, verdict);
        metrics::record_request(self.metric_label, operation, failure);
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
        let limit = self.limits.max_body_bytes;
        let too_large = || CallError::new(self.name, operation, CallErrorKind::TooLarge { limit });
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
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
        // A URL may contain an order number; the operation identifies the call.
        let error = error.without_url();
        let detail = root_cause(&error);
        let kind = if error.is_connect() || error.is_builder() {
            CallErrorKind::Connect { detail }
        } else if error.is_timeout() {
            CallErrorKind::Timeout {
                limit: self.limits.timeout,
                sent: RequestSent::Maybe,
            }
        } else {
            CallErrorKind::ConnectionLost { detail }
        };
        CallError::new(self.name, operation, kind)
    }
}

/// True if a retry of a read may succeed within a second: the connection broke or was refused, or a
/// gateway did not reach its service and did not ask for a pause.
fn is_retryable(outcome: &Result<HttpResponse, CallError>) -> bool {
    match outcome {
        Ok(response) => matches!(response.status, 502..=504) && response.retry_after.is_none(),
        Err(error) => matches!(
            error.kind,
            CallErrorKind::Connect { .. } | CallErrorKind::ConnectionLost { .. }
        ),
    }
}

/// The category that a failed request is counted under. A 500 of a healthy upstream refuses the
/// request.
fn failure_category(
    outcome: &Result<HttpResponse, CallError>,
    verdict: UpstreamVerdict,
) -> Option<ErrorCategory> {
    match outcome {
        Ok(response) if response.is_success() => None,
        Ok(response) if verdict == UpstreamVerdict::Healthy && response.status >= 500 => {
            Some(ErrorCategory::Validation)
        }
        Ok(response) => Some(status_category(response.status)),
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
