//! Clients of Vendure, VeraCore and the ledger, built from the configuration. None of them connects yet.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::error::SetupError;
use crate::{
    clock::SharedClock,
    config::{self, ApiStyle, Config, VendureConfig},
    fulfillment::{
        FulfillmentProvider,
        veracore::{
            ClientBuildError, Credentials,
            oms::{OmsCancelSettings, OmsClient, OmsSettings},
            rest::{RestClient, RestSettings},
        },
    },
    http::{Circuit, UpstreamLimits},
    ledger::{Ledger, LedgerError},
    vendure::{VendureClient, VendureSettings},
};

/// Largest response bodies. An inventory feed of 100,000 SKUs is about 10 MB.
const VERACORE_MAX_BODY: usize = 64 << 20;
const VENDURE_MAX_BODY: usize = 32 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of the client that looks up callers.
const CALLER_LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CALLER_LOOKUPS: usize = 2;

/// Connects on first use.
pub(super) fn connect_ledger(
    database: &config::DatabaseConfig,
    clock: SharedClock,
) -> Result<Ledger, LedgerError> {
    Ledger::connect_lazily(
        database.url.expose_secret(),
        database.max_connections,
        clock,
    )
}

/// A second Vendure client that only looks up callers. Failed lookups must neither take the order
/// client's slots nor open its circuit.
pub(super) fn identity_client(
    shop: &VendureConfig,
    clock: SharedClock,
) -> anyhow::Result<VendureClient> {
    let shop = VendureConfig {
        timeout: shop.timeout.min(CALLER_LOOKUP_TIMEOUT),
        max_concurrency: MAX_CALLER_LOOKUPS,
        ..shop.clone()
    };
    vendure_client("Vendure (caller lookups)", &shop, clock)
}

pub(super) fn vendure_client(
    name: &'static str,
    shop: &VendureConfig,
    clock: SharedClock,
) -> anyhow::Result<VendureClient> {
    let settings = VendureSettings {
        api_url: shop.api_url.clone(),
        credentials: shop.credentials.clone(),
        channel_token: shop.channel_token.clone(),
        limits: limits(shop.timeout, shop.max_concurrency, None, VENDURE_MAX_BODY),
    };
    VendureClient::new(name, settings, clock).context("HTTPS cannot be set up on this machine")
}

/// The VeraCore client for `VERACORE_API_STYLE`, and its circuit.
pub(super) fn veracore_client(
    config: &Config,
    clock: SharedClock,
) -> anyhow::Result<(Arc<dyn FulfillmentProvider>, Circuit)> {
    let setup_error = |error: ClientBuildError| SetupError(error.to_string());
    Ok(match config.veracore.api_style {
        ApiStyle::Rest => {
            let client = RestClient::new(rest_settings(config), clock).map_err(setup_error)?;
            let circuit = client.circuit();
            (Arc::new(client), circuit)
        }
        ApiStyle::Oms => {
            let client = OmsClient::new(oms_settings(config), clock).map_err(setup_error)?;
            let circuit = client.circuit();
            (Arc::new(client), circuit)
        }
    })
}

fn rest_settings(config: &Config) -> RestSettings {
    let veracore = &config.veracore;
    RestSettings {
        base_url: veracore.api_url.clone(),
        company_id: veracore.company_id.clone().unwrap_or_default(),
        credentials: credentials(config),
        auth: veracore.auth,
        timezone: veracore.timezone,
        limits: veracore_limits(config),
    }
}

fn oms_settings(config: &Config) -> OmsSettings {
    let veracore = &config.veracore;
    let oms = &veracore.oms;
    OmsSettings {
        url: veracore.api_url.clone(),
        namespace: oms.namespace.clone(),
        owner: veracore.company_id.clone(),
        credentials: credentials(config),
        timezone: veracore.timezone,
        limits: veracore_limits(config),
        freight: config.maps.freight.clone(),
        unmapped_freight: oms.unmapped_freight,
        max_order_id_length: oms.max_order_id_length,
        stock_source: oms.stock_source,
        warehouses: config.maps.warehouses.keys().cloned().collect(),
        order_not_found_text: oms.not_found_text.clone(),
        cancel: OmsCancelSettings {
            protocol: oms.cancel_protocol,
            namespace: oms.cancel_namespace.clone(),
            soap_action: oms.cancel_action.clone(),
        },
    }
}

fn credentials(config: &Config) -> Credentials {
    Credentials {
        client_id: config.veracore.client_id.clone(),
        client_secret: config.veracore.client_secret.clone(),
    }
}

fn veracore_limits(config: &Config) -> UpstreamLimits {
    let veracore = &config.veracore;
    limits(
        veracore.timeout,
        veracore.max_concurrency,
        Some(veracore.rate_limit_per_second),
        VERACORE_MAX_BODY,
    )
}

fn limits(
    timeout: Duration,
    max_concurrency: usize,
    per_second: Option<NonZeroU32>,
    max_body: usize,
) -> UpstreamLimits {
    let connect_timeout = timeout.min(CONNECT_TIMEOUT);
    UpstreamLimits {
        timeout,
        connect_timeout,
        max_body_bytes: max_body,
        max_concurrency,
        max_per_second: per_second,
    }
}
