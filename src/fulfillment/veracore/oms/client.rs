//! The SOAP client and its construction.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use url::Url;

use super::{
    super::common::{
        VERACORE,
        base_url::{ClientBuildError, check_base_url},
        credentials::Credentials,
    },
    order::OrderWriter,
    order_info_cache::OrderInfoCache,
    settings::{OmsCancelSettings, OmsSettings, StockSource},
};
use crate::{
    clock::SharedClock,
    http::{Circuit, Upstream},
    telemetry::metrics::UpstreamLabel,
};

/// Concurrent product lookups, if the client's limit is not lower.
pub(super) const MAX_PARALLEL_LOOKUPS: usize = 4;

/// A client of VeraCore's SOAP services.
pub struct OmsClient {
    pub(super) upstream: Upstream,
    pub(super) url: Url,
    pub(super) namespace: String,
    pub(super) owner: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) timezone: Tz,
    pub(super) order_writer: OrderWriter,
    pub(super) stock_source: StockSource,
    pub(super) warehouses: BTreeSet<String>,
    pub(super) max_parallel_lookups: usize,
    pub(super) order_not_found_text: Option<String>,
    pub(super) cancel: OmsCancelSettings,
    pub(super) order_info_cache: OrderInfoCache,
    pub(super) clock: SharedClock,
}

impl OmsClient {
    pub fn new(settings: OmsSettings, clock: SharedClock) -> Result<Self, ClientBuildError> {
        let url = check_base_url(settings.url)?;
        let max_concurrency = settings.limits.max_concurrency;
        let upstream = Upstream::new(
            VERACORE,
            UpstreamLabel::VeraCore,
            settings.limits,
            clock.clone(),
        )?;
        let namespace = settings
            .namespace
            .unwrap_or_else(|| default_namespace(&url));
        Ok(Self {
            upstream,
            namespace,
            owner: settings.owner,
            credentials: settings.credentials,
            timezone: settings.timezone,
            order_writer: OrderWriter {
                freight: settings.freight,
                unmapped_freight: settings.unmapped_freight,
                max_order_id_length: settings.max_order_id_length,
                timezone: settings.timezone,
            },
            stock_source: settings.stock_source,
            warehouses: settings.warehouses,
            max_parallel_lookups: max_concurrency.clamp(1, MAX_PARALLEL_LOOKUPS),
            order_not_found_text: settings.order_not_found_text,
            cancel: settings.cancel,
            order_info_cache: OrderInfoCache::default(),
            clock,
            url,
        })
    }

    /// The state of the circuit breaker.
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
