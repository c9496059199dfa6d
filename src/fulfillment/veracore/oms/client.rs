//! The SOAP client and its construction.

use url::Url;

use super::{
    super::common::{
        VERACORE,
        base_url::{ClientBuildError, check_base_url},
    },
    order_info_cache::OrderInfoCache,
    settings::OmsSettings,
};
use crate::{
    clock::SharedClock,
    http::{Circuit, Upstream},
    telemetry::metrics::UpstreamLabel,
};

pub struct OmsClient {
    pub(super) upstream: Upstream,
    pub(super) settings: OmsSettings,
    pub(super) namespace: String,
    pub(super) order_info_cache: OrderInfoCache,
    pub(super) clock: SharedClock,
}

impl OmsClient {
    pub fn new(mut settings: OmsSettings, clock: SharedClock) -> Result<Self, ClientBuildError> {
        settings.url = check_base_url(settings.url)?;
        let namespace = settings.namespace.clone();
        Ok(Self {
            upstream: Upstream::new(
                VERACORE,
                UpstreamLabel::VeraCore,
                settings.limits,
                clock.clone(),
            )?,
            namespace: namespace.unwrap_or_else(|| default_namespace(&settings.url)),
            settings,
            order_info_cache: OrderInfoCache::default(),
            clock,
        })
    }

    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

/// `order.asmx`, the older service, has its own namespace.
fn default_namespace(url: &Url) -> String {
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    if path.ends_with("/order.asmx") {
        "http://sma-promail/".into()
    } else {
        "http://omscom/".into()
    }
}
