//! The REST client and its construction.

use chrono_tz::Tz;

use super::{
    super::common::{VERACORE, base_url::ClientBuildError, credentials::Credentials},
    settings::RestSettings,
    token::TokenCache,
    urls::BaseUrl,
};
use crate::{
    clock::SharedClock,
    domain::RestAuth,
    http::{Circuit, Upstream},
    telemetry::metrics::UpstreamLabel,
};

/// A client of VeraCore's REST interface.
pub struct RestClient {
    pub(super) upstream: Upstream,
    pub(super) base_url: BaseUrl,
    pub(super) company_id: String,
    pub(super) authenticator: Authenticator,
    pub(super) timezone: Tz,
}

pub(super) enum Authenticator {
    Basic(Credentials),
    OAuth2(Box<TokenCache>),
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
        let authenticator = match settings.auth {
            RestAuth::Basic => Authenticator::Basic(settings.credentials),
            RestAuth::OAuth2 => {
                let tokens = TokenCache::new(base_url.token(), settings.credentials, clock);
                Authenticator::OAuth2(Box::new(tokens))
            }
        };
        Ok(Self {
            upstream,
            base_url,
            company_id: settings.company_id,
            authenticator,
            timezone: settings.timezone,
        })
    }

    /// The state of the circuit breaker.
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}
