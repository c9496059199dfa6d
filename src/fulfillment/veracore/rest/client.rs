//! The REST client and its construction.

use chrono_tz::Tz;
use url::Url;

use super::{
    super::common::{VERACORE, base_url::ClientBuildError, credentials::Credentials},
    token::TokenCache,
    urls::BaseUrl,
};
use crate::{
    clock::SharedClock,
    domain::RestAuth,
    http::{Circuit, Upstream, UpstreamLimits},
    telemetry::metrics::UpstreamLabel,
};

#[derive(Clone)]
pub struct RestSettings {
    /// Paths are appended to its own path.
    pub base_url: Url,
    pub company_id: String,
    pub credentials: Credentials,
    pub auth: RestAuth,
    /// The zone of dates that VeraCore writes without one.
    pub timezone: Tz,
    pub limits: UpstreamLimits,
}

pub struct RestClient {
    pub(super) upstream: Upstream,
    pub(super) base_url: BaseUrl,
    pub(super) company_id: String,
    pub(super) credentials: Credentials,
    /// `None` for HTTP Basic.
    pub(super) tokens: Option<Box<TokenCache>>,
    pub(super) timezone: Tz,
}

impl RestClient {
    pub fn new(settings: RestSettings, clock: SharedClock) -> Result<Self, ClientBuildError> {
        let base_url = BaseUrl::new(settings.base_url)?;
        if settings.credentials.client_id.contains(':') {
            return Err(ClientBuildError::ColonInClientId);
        }
        let upstream = Upstream::new(
            VERACORE,
            UpstreamLabel::VeraCore,
            settings.limits,
            clock.clone(),
        )?;
        let tokens = match settings.auth {
            RestAuth::Basic => None,
            RestAuth::OAuth2 => Some(Box::new(TokenCache::new(base_url.token(), clock))),
        };
        Ok(Self {
            upstream,
            base_url,
            company_id: settings.company_id,
            credentials: settings.credentials,
            tokens,
            timezone: settings.timezone,
        })
    }

    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}
