//! What `check` finds of VeraCore: which of its operations may be used, and what to do about the others.
//!
//! Only reads are tried. Owns the fixes, which differ by style; must not know what any of them sends.

use crate::{
    app::App,
    config::{ApiStyle, OmsInventory},
    domain::ErrorCategory,
    fulfillment::ProviderError,
    http::CallError,
    sync::preflight::PreflightFinding,
};

const CREDENTIALS: &str = "veracore credentials";

pub(super) async fn check_veracore(app: &App) -> Vec<PreflightFinding> {
    let style = app.config.veracore.api_style;
    let orders = app.provider.find_order(app.probe_order_code()).await;
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
        // Whatever was answered: nobody is asked without a token.
        (_, Ok(_)) | (ApiStyle::Rest, Err(ProviderError::Call(CallError::Status { .. }))) => {
            PreflightFinding::ok(CREDENTIALS, "accepted")
        }
        // They come with each question, and who refuses it so has looked at them.
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

/// To try the rest would make an order.
const fn order_access_detail(style: ApiStyle) -> &'static str {
    match style {
        ApiStyle::Rest => "may look orders up",
        ApiStyle::Oms => {
            "may look orders up (GetOrderInfo); AddOrder and CancelOrder cannot be tried: have them granted, too"
        }
    }
}

fn inventory_operations(app: &App) -> &'static str {
    match (
        app.config.veracore.api_style,
        app.config.veracore.oms.inventory,
    ) {
        (ApiStyle::Rest, _) => "",
        (ApiStyle::Oms, OmsInventory::Offers) => " (GetOffers)",
        (ApiStyle::Oms, OmsInventory::Products) => " (GetOffers, GetProductAvailabilities)",
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
            "correct VERACORE_API_URL, or let this machine reach it; VERACORE_TIMEOUT_SECONDS if it is slow".into()
        }
        ErrorCategory::RateLimited => {
            "lower VERACORE_RATE_LIMIT_PER_SECOND, and try again later".into()
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
            "ask VeraCore for this access for the API client, and check VERACORE_COMPANY_ID"
        }
        (_, ErrorCategory::NotFound) => {
            "correct VERACORE_API_URL: the paths /api/… are appended to it"
        }
        _ => {
            "is VERACORE_API_URL the API's (not a web page's), and VERACORE_API_STYLE right? If so, ask VeraCore's support"
        }
    }
}

/// The error names the setting, whether VeraCore did not know our namespace or we did not know its.
fn is_namespace_mismatch(error: &ProviderError) -> bool {
    error.to_string().contains("VERACORE_OMS_NAMESPACE")
}

fn oms_fix(error: &ProviderError) -> String {
    match error {
        _ if is_namespace_mismatch(error) => {
            "set VERACORE_OMS_NAMESPACE to the targetNamespace in the service's description (VERACORE_API_URL with ?wsdl behind it); unset, it is that of oms.asmx or order.asmx, as the URL says".into()
        }
        ProviderError::Forbidden { operation, .. } => format!(
            "have {operation} granted to the web-service user VERACORE_CLIENT_ID: its permissions are given operation by operation, in VeraCore's admin system"
        ),
        ProviderError::CredentialsRefused { .. } => {
            "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET: a web-service user of VeraCore's admin system, and its password".into()
        }
        ProviderError::Refused { .. } => {
            "if these are VeraCore's words for an order that it does not have, put a part of them into VERACORE_OMS_NOT_FOUND_TEXT; else ask VeraCore's support".into()
        }
        _ => "is VERACORE_API_URL the service's own address (https://…/pmomsws/oms.asmx or …/order.asmx), and not a page or another API's? If so, ask VeraCore's support".into(),
    }
}
