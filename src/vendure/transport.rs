//! The connection to the Admin API: one POST for each operation, and the check of the channel.

use reqwest::{Method, RequestBuilder, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{error::StorefrontError, operations::Channel, response::ResponseData};
use crate::{
    clock::SharedClock,
    domain::{VendureCredentials, text::one_line},
    http::{CallKind, HttpResponse, Upstream, UpstreamLimits, UpstreamVerdict},
    telemetry::metrics::UpstreamLabel,
};

#[derive(Debug, Clone)]
pub struct VendureSettings {
    pub api_url: Url,
    pub credentials: VendureCredentials,
    /// `None`: the shop's default channel.
    pub channel_token: Option<String>,
    pub limits: UpstreamLimits,
}

/// The credential of a call: the daemon's own, or that of a caller of our API.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An administrator's session token.
    Session(SecretString),
    ApiKey(SecretString),
}

const CHANNEL_HEADER: &str = "vendure-token";
const API_KEY_HEADER: &str = "vendure-api-key";

/// The part of a response that names the channel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelCheck {
    active_channel: Option<Channel>,
}

/// The upstream, and what every request to it carries.
pub(super) struct Transport {
    pub upstream: Upstream,
    pub settings: VendureSettings,
}

impl Transport {
    pub(super) fn new(
        name: &'static str,
        settings: VendureSettings,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            upstream: Upstream::new(name, UpstreamLabel::Vendure, settings.limits, clock)?,
            settings,
        })
    }

    /// Sends one operation. The login itself has no `credential`.
    pub(super) async fn post(
        &self,
        name: &'static str,
        kind: CallKind,
        body: Vec<u8>,
        credential: Option<&Credential>,
    ) -> Result<ResponseData, StorefrontError> {
        let mut request = self
            .upstream
            .request(Method::POST, self.settings.api_url.clone())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        if let Some(channel) = &self.settings.channel_token {
            request = request.header(CHANNEL_HEADER, channel);
        }
        if let Some(credential) = credential {
            request = authorize(request, credential);
        }
        let response = self
            .upstream
            .send_judged(name, kind, request, verdict)
            .await?;
        let data = ResponseData::from_response(name, kind, response)?;
        self.check_channel(&data)?;
        Ok(data)
    }

    /// A shop without the configured channel silently answers for its default channel, whose orders
    /// must not be processed.
    fn check_channel(&self, data: &ResponseData) -> Result<(), StorefrontError> {
        let Some(wanted) = &self.settings.channel_token else {
            return Ok(());
        };
        let Ok(answering) = serde_json::from_str::<ChannelCheck>(data.text()) else {
            return Ok(());
        };
        match answering.active_channel {
            Some(channel) if channel.token != *wanted => Err(StorefrontError::WrongChannel {
                answering: Some(one_line(&channel.code, 80)),
            }),
            _ => Ok(()),
        }
    }
}

pub(super) fn request_body<T: ?Sized + Serialize>(
    name: &'static str,
    operation: &T,
) -> Result<Vec<u8>, StorefrontError> {
    serde_json::to_vec(operation).map_err(|error| StorefrontError::InvalidField {
        operation: name,
        field: "request".into(),
        problem: error.to_string(),
    })
}

fn authorize(request: RequestBuilder, credential: &Credential) -> RequestBuilder {
    match credential {
        Credential::Session(token) => request.bearer_auth(token.expose_secret()),
        // Vendure does not accept a key as a Bearer token.
        Credential::ApiKey(key) => match HeaderValue::from_str(key.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(API_KEY_HEADER, value)
            }
            // A key with characters that a header cannot have is wrong: the shop refuses the call.
            Err(_) => request,
        },
    }
}

/// Vendure refuses with status 200. The search is bounded, since a refusal is short.
fn verdict(response: &HttpResponse) -> UpstreamVerdict {
    const MAX_REFUSAL: usize = 4096;
    let code = b"\"FORBIDDEN\"";
    if response.body.len() <= MAX_REFUSAL
        && response.body.windows(code.len()).any(|bytes| bytes == code)
    {
        UpstreamVerdict::Inconclusive
    } else {
        UpstreamVerdict::ByStatus
    }
}
