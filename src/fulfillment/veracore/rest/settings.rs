//! The settings of the REST client.

use chrono_tz::Tz;
use url::Url;

use super::super::common::credentials::Credentials;
use crate::{domain::RestAuth, http::UpstreamLimits};

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
