//! What `check` finds of VeraCore: which of its operations may be used, and what to do about the others.
//!
//! Only reads are tried. Owns the fixes, which differ by style; must not know what any of them sends.

use crate::{
    app::App,
    config::{ApiStyle, OmsInventory},
    domain::ErrorCategory,
    fulfillment::ProviderError,
    http::CallError,
    sync::preflight::Finding,
};

const CREDENTIALS: &str = "veracore credentials";

pub(super) async fn findings(app: &App) -> Vec<Finding> {
    let style = app.config.veracore.style;
    let orders = app.provider.find_order(app.probe_number()).await;
    let credentials = match (style, &orders) {
        (_, Err(error @ (ProviderError::Credentials { .. } | ProviderError::NoToken(_)))) => {
            return vec![refused(CREDENTIALS, error, style)];
        }
        (_, Err(error)) if is_of_another_namespace(error) => {
            return vec![refused("veracore interface", error, style)];
        }
        // Whatever was answered: nobody is asked without a token.
        (_, Ok(_)) | (ApiStyle::Rest, Err(ProviderError::Call(CallError::Status { .. }))) => {
            Finding::ok(CREDENTIALS, "accepted")
        }
        // They come with each question, and who refuses it so has looked at them.
        (ApiStyle::Oms, Err(ProviderError::Forbidden { .. } | ProviderError::Refused { .. })) => {
            Finding::ok(CREDENTIALS, "accepted")
        }
        (_, Err(error)) => refused(CREDENTIALS, error, style),
    };
    let since = app.clock.now() - chrono::TimeDelta::days(1);
    let inventory = app.provider.inventory_page(None).await;
    let shipments = app.provider.shipments(since, None).await;
    vec![
        credentials,
        outcome(
            "veracore order access",
            orders.map(|_| may_look_up(style).into()),
            style,
        ),
        outcome(
            "veracore inventory access",
            inventory.map(|page| {
                let operations = stock_operations(app);
                format!("{} rows on the first page{operations}", page.rows.len())
            }),
            style,
        ),
        outcome(
            "veracore shipment access",
            shipments.map(|page| format!("{} shipments since yesterday", page.rows.len())),
            style,
        ),
    ]
}

/// To try the rest would make an order.
const fn may_look_up(style: ApiStyle) -> &'static str {
    match style {
        ApiStyle::Rest => "may look orders up",
        ApiStyle::Oms => {
            "may look orders up (GetOrderInfo); AddOrder and CancelOrder cannot be tried: have them granted, too"
        }
    }
}

fn stock_operations(app: &App) -> &'static str {
    match (app.config.veracore.style, app.config.veracore.oms.inventory) {
        (ApiStyle::Rest, _) => "",
        (ApiStyle::Oms, OmsInventory::Offers) => " (GetOffers)",
        (ApiStyle::Oms, OmsInventory::Products) => " (GetOffers, GetProductAvailabilities)",
    }
}

fn outcome(
    check: &'static str,
    outcome: Result<String, ProviderError>,
    style: ApiStyle,
) -> Finding {
    match outcome {
        Ok(detail) => Finding::ok(check, detail),
        Err(error) => refused(check, &error, style),
    }
}

fn refused(check: &'static str, error: &ProviderError, style: ApiStyle) -> Finding {
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
    Finding::failed(check, error.to_string(), fix)
}

const fn rest_fix(error: &ProviderError) -> &'static str {
    match (error, error.category()) {
        (ProviderError::Credentials { .. }, _) => {
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
fn is_of_another_namespace(error: &ProviderError) -> bool {
    error.to_string().contains("VERACORE_OMS_NAMESPACE")
}

fn oms_fix(error: &ProviderError) -> String {
    match error {
        _ if is_of_another_namespace(error) => {
            "set VERACORE_OMS_NAMESPACE to the targetNamespace in the service's description (VERACORE_API_URL with ?wsdl behind it); unset, it is that of oms.asmx or order.asmx, as the URL says".into()
        }
        ProviderError::Forbidden { operation, .. } => format!(
            "have {operation} granted to the web-service user VERACORE_CLIENT_ID: its permissions are given operation by operation, in VeraCore's admin system"
        ),
        ProviderError::Credentials { .. } => {
            "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET: a web-service user of VeraCore's admin system, and its password".into()
        }
        ProviderError::Refused { .. } => {
            "if these are VeraCore's words for an order that it does not have, put a part of them into VERACORE_OMS_NOT_FOUND_TEXT; else ask VeraCore's support".into()
        }
        _ => "is VERACORE_API_URL the service's own address (https://…/pmomsws/oms.asmx or …/order.asmx), and not a page or another API's? If so, ask VeraCore's support".into(),
    }
}
