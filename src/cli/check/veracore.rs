//! The VeraCore part of `check`: which operations are allowed, and the fix for the others.
//!
//! It tries reads only. The fixes differ by style.

use crate::{
    app::App,
    config::ApiStyle,
    domain::{ErrorCategory, StockSource},
    fulfillment::ProviderError,
    http::{CallError, CallErrorKind},
    sync::preflight::PreflightFinding,
};

const CREDENTIALS: &str = "veracore credentials";

pub(super) async fn check_veracore(app: &App) -> Vec<PreflightFinding> {
    let style = app.config.veracore.api_style;
    let orders = app.provider.find_order(&app.probe_order).await;
    let credentials = match (style, &orders) {
        (
            _,
            Err(error @ (ProviderError::CredentialsRefused { .. } | ProviderError::NoToken(_))),
        ) => {
            return vec![failed_finding(CREDENTIALS, error, style)];
        }
        (_, Err(error)) if is_namespace_mismatch(error) => {
            return vec![failed_finding("veracore interface", error, style)];
        }
        // Any response shows that the token was accepted.
        (_, Ok(_))
        | (
            ApiStyle::Rest,
            Err(ProviderError::Call(CallError {
                kind: CallErrorKind::Status { .. },
                ..
            })),
        ) => PreflightFinding::ok(CREDENTIALS, "accepted"),
        // SOAP sends the credentials with each call: this refusal comes after they were checked.
        (ApiStyle::Oms, Err(ProviderError::Forbidden { .. } | ProviderError::Refused { .. })) => {
            PreflightFinding::ok(CREDENTIALS, "accepted")
        }
        (_, Err(error)) => failed_finding(CREDENTIALS, error, style),
    };
    let since = app.clock.now() - chrono::TimeDelta::days(1);
    let inventory = app.provider.inventory_page(None).await;
    let shipments = app.provider.shipments_page(since, None).await;
    vec![
        credentials,
        access_finding(
            "veracore order access",
            orders.map(|_| order_access_detail(style).into()),
            style,
        ),
        access_finding(
            "veracore inventory access",
            inventory.map(|page| {
                let operations = inventory_operations(app);
                format!("{} rows on the first page{operations}", page.rows.len())
            }),
            style,
        ),
        access_finding(
            "veracore shipment access",
            shipments.map(|page| format!("{} shipments since yesterday", page.rows.len())),
            style,
        ),
    ]
}

/// Trying the writes would create an order.
const fn order_access_detail(style: ApiStyle) -> &'static str {
    match style {
        ApiStyle::Rest => "can look up orders",
        ApiStyle::Oms => {
            "can look up orders (GetOrderInfo). AddOrder and CancelOrder cannot be tested: make sure that they are granted, too"
        }
    }
}

fn inventory_operations(app: &App) -> &'static str {
    match (
        app.config.veracore.api_style,
        app.config.veracore.oms.stock_source,
    ) {
        (ApiStyle::Rest, _) => "",
        (ApiStyle::Oms, StockSource::Offers) => " (GetOffers)",
        (ApiStyle::Oms, StockSource::Products) => " (GetOffers, GetProductAvailabilities)",
    }
}

fn access_finding(
    check: &'static str,
    outcome: Result<String, ProviderError>,
    style: ApiStyle,
) -> PreflightFinding {
    match outcome {
        Ok(detail) => PreflightFinding::ok(check, detail),
        Err(error) => failed_finding(check, &error, style),
    }
}

fn failed_finding(check: &'static str, error: &ProviderError, style: ApiStyle) -> PreflightFinding {
    let fix = match error.category() {
        ErrorCategory::Network | ErrorCategory::Timeout => {
            "check that VeraCore is up and that this machine can reach it, then correct VERACORE_API_URL; if it is slow, raise VERACORE_TIMEOUT_SECONDS".into()
        }
        ErrorCategory::RateLimited => {
            "lower VERACORE_RATE_LIMIT_PER_SECOND, and check again later".into()
        }
        _ => match style {
            ApiStyle::Rest => rest_fix(error).into(),
            ApiStyle::Oms => oms_fix(error),
        },
    };
    PreflightFinding::failed(check, error.to_string(), fix)
}

const fn rest_fix(error: &ProviderError) -> &'static str {
    match (error, error.category()) {
        (ProviderError::CredentialsRefused { .. }, _) => {
            "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET, or VERACORE_AUTH"
        }
        (_, ErrorCategory::Auth) => {
            "ask VeraCore to grant the API client this access, and check VERACORE_COMPANY_ID"
        }
        (_, ErrorCategory::NotFound) => {
            "correct VERACORE_API_URL: the paths /api/… are appended to it"
        }
        _ => {
            "check that VERACORE_API_URL is the API's URL (not a web page's) and that VERACORE_API_STYLE is right; if they are, contact VeraCore support"
        }
    }
}

/// Both errors name the setting: VeraCore rejected our namespace, or answered with another.
fn is_namespace_mismatch(error: &ProviderError) -> bool {
    error.to_string().contains("VERACORE_OMS_NAMESPACE")
}

fn oms_fix(error: &ProviderError) -> String {
    match error {
        _ if is_namespace_mismatch(error) => {
            "set VERACORE_OMS_NAMESPACE to the targetNamespace of the service's WSDL (append ?wsdl to VERACORE_API_URL); by default it is that of oms.asmx or order.asmx, depending on the URL".into()
        }
        ProviderError::Forbidden { operation, .. } => format!(
            "grant {operation} to the web-service user VERACORE_CLIENT_ID in VeraCore's admin system; permissions are granted per operation"
        ),
        ProviderError::CredentialsRefused { .. } => {
            "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET: a web-service user from VeraCore's admin system, and its password".into()
        }
        ProviderError::Refused { .. } => {
            "if this message means that VeraCore does not have the order, set VERACORE_OMS_NOT_FOUND_TEXT to a part of it; otherwise contact VeraCore support".into()
        }
        _ => "check that VERACORE_API_URL is the service's own URL (https://…/pmomsws/oms.asmx or …/order.asmx); if it is, contact VeraCore support".into(),
    }
}
