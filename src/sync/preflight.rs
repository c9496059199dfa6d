//! The checks that must pass before anything is synced. Pure.
//!
//! `check` prints the findings; `run` refuses to start on a failed one.

use serde::Serialize;

use crate::vendure::{ShopProfile, StockLocation, StorefrontError};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedShop {
    pub channel_token: Option<String>,
    /// Name or id.
    pub stock_location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PreflightVerdict {
    Ok,
    /// Works with limitations.
    Warning,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreflightFinding {
    /// Such as `vendure login`.
    pub check: &'static str,
    pub verdict: PreflightVerdict,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl PreflightFinding {
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            verdict: PreflightVerdict::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    pub fn failed(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Self {
            check,
            verdict: PreflightVerdict::Failed,
            detail: detail.into(),
            fix,
        }
    }

    pub fn warning(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: PreflightVerdict::Warning,
            ..Self::failed(check, detail, fix)
        }
    }
}

/// The finding for an error at login.
pub fn shop_error_finding(error: &StorefrontError) -> PreflightFinding {
    let fix = match error {
        StorefrontError::Call(_) => {
            "start Vendure, or correct VENDURE_API_URL (the Admin API's, such as https://shop.example/admin-api)"
        }
        StorefrontError::LoginRefused { .. } => {
            "correct VENDURE_USERNAME and VENDURE_PASSWORD, or VENDURE_API_KEY"
        }
        StorefrontError::Forbidden { .. } => {
            "give the login's role access to the channel, and correct VENDURE_API_KEY if one is used (the shop must have authOptions.tokenMethod 'api-key')"
        }
        StorefrontError::WrongChannel { .. } => {
            "correct VENDURE_CHANNEL_TOKEN: the tokens are under Settings > Channels"
        }
        StorefrontError::Graphql { .. }
        | StorefrontError::Rejected { .. }
        | StorefrontError::Ambiguous { .. }
        | StorefrontError::InvalidField { .. } => {
            "is this Vendure 3.3.5 or newer, and VENDURE_API_URL its Admin API?"
        }
    };
    let check = match error {
        StorefrontError::WrongChannel { .. } => "vendure channel",
        _ => "vendure login",
    };
    PreflightFinding::failed(check, error.to_string(), fix)
}

/// Checks channel, permissions, stock location and custom fields.
pub fn check_shop(profile: &ShopProfile, expected: &ExpectedShop) -> Vec<PreflightFinding> {
    let locations = &profile.stock_locations;
    vec![
        PreflightFinding::ok("vendure login", "logged in"),
        check_channel(profile, expected.channel_token.as_deref()),
        check_permissions(profile),
        check_stock_location(locations, expected.stock_location.as_deref()),
        check_custom_fields(profile),
    ]
}

fn check_channel(profile: &ShopProfile, token: Option<&str>) -> PreflightFinding {
    match token {
        Some(token) if token != profile.channel_token => PreflightFinding::failed(
            "vendure channel",
            format!(
                "Vendure answers for the channel '{}' instead",
                profile.channel_code
            ),
            "correct VENDURE_CHANNEL_TOKEN: the tokens are under Settings > Channels",
        ),
        _ => PreflightFinding::ok("vendure channel", profile.channel_code.clone()),
    }
}

fn check_permissions(profile: &ShopProfile) -> PreflightFinding {
    const CHECK: &str = "vendure permissions";
    let missing = &profile.missing_permissions;
    if missing.is_empty() {
        return PreflightFinding::ok(CHECK, "all that are needed");
    }
    let names: Vec<&str> = missing.iter().map(|missing| missing.permission).collect();
    let reasons = missing
        .iter()
        .map(|missing| format!("{} ({})", missing.permission, missing.needed_for));
    let detail = format!("missing: {}", reasons.collect::<Vec<_>>().join(", "));
    let fix = format!(
        "give the login's role in this channel: {} (Settings > Roles)",
        names.join(", ")
    );
    PreflightFinding::failed(CHECK, detail, fix)
}

fn check_stock_location(locations: &[StockLocation], wanted: Option<&str>) -> PreflightFinding {
    const CHECK: &str = "vendure stock location";
    match choose_stock_location(locations, wanted) {
        Ok(location) => PreflightFinding::ok(CHECK, location.name.clone()),
        Err(StockLocationError { detail, fix }) => PreflightFinding::failed(CHECK, detail, fix),
    }
}

/// No stock location, or no unique one, matches the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stock location: {detail}: {fix}")]
pub struct StockLocationError {
    pub detail: String,
    pub fix: &'static str,
}

/// The stock location that is configured by name or id, or the only one.
pub fn choose_stock_location<'a>(
    locations: &'a [StockLocation],
    wanted: Option<&str>,
) -> Result<&'a StockLocation, StockLocationError> {
    let error = |detail: String, fix| Err(StockLocationError { detail, fix });
    let names = || {
        let names = locations
            .iter()
            .map(|l| format!("{} (id {})", l.name, l.id));
        names.collect::<Vec<_>>().join(", ")
    };
    match (wanted, locations) {
        (_, []) => error(
            "the channel has none that this login can see".into(),
            "create a stock location for the channel, and give the login's role ReadStockLocation",
        ),
        (None, [only]) => Ok(only),
        (None, _) => error(
            format!("the channel has several: {}", names()),
            "set VENDURE_STOCK_LOCATION to the name or id of VeraCore's",
        ),
        (Some(wanted), _) => {
            let by_id = locations.iter().find(|l| l.id == wanted);
            let by_name: Vec<_> = locations.iter().filter(|l| l.name == wanted).collect();
            match (by_id, by_name.as_slice()) {
                (_, [one]) => Ok(one),
                (Some(one), []) => Ok(one),
                (_, []) => error(
                    format!("there is none called '{wanted}'; there are: {}", names()),
                    "set VENDURE_STOCK_LOCATION to one of them",
                ),
                _ => error(
                    format!("several are called '{wanted}': {}", names()),
                    "set VENDURE_STOCK_LOCATION to the id of VeraCore's",
                ),
            }
        }
    }
}

fn check_custom_fields(profile: &ShopProfile) -> PreflightFinding {
    let known = &profile.tracking_fields;
    let missing: Vec<&str> = [
        ("trackingCode (string)", known.tracking_code),
        ("carrier (string)", known.carrier),
        ("shipDate (datetime)", known.ship_date),
    ]
    .into_iter()
    .filter(|(_, there)| !there)
    .map(|(field, _)| field)
    .collect();
    if missing.is_empty() {
        return PreflightFinding::ok("vendure custom fields", "trackingCode, carrier, shipDate");
    }
    PreflightFinding::warning(
        "vendure custom fields",
        format!("orders have no {}", missing.join(", ")),
        "add them to customFields.Order in the shop's configuration to see tracking on orders; shipments are recorded as fulfillments all the same",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendure::{MissingPermission, SupportedTrackingFields};

    fn profile() -> ShopProfile {
        ShopProfile {
            channel_code: "__default_channel__".into(),
            channel_token: "token-a".into(),
            missing_permissions: vec![],
            stock_locations: vec![StockLocation {
                id: "1".into(),
                name: "Reno".into(),
            }],
            tracking_fields: SupportedTrackingFields {
                tracking_code: true,
                carrier: true,
                ship_date: true,
            },
        }
    }

    fn verdicts(profile: &ShopProfile, expected: &ExpectedShop) -> Vec<PreflightVerdict> {
        check_shop(profile, expected)
            .iter()
            .map(|finding| finding.verdict)
            .collect()
    }

    #[test]
    fn a_shop_as_configured_is_fine() {
        assert_eq!(
            verdicts(&profile(), &ExpectedShop::default()),
            [PreflightVerdict::Ok; 5]
        );
        let expected = ExpectedShop {
            channel_token: Some("token-a".into()),
            stock_location: Some("1".into()),
        };
        assert_eq!(verdicts(&profile(), &expected), [PreflightVerdict::Ok; 5]);
    }

    #[test]
    fn each_fault_is_named_with_its_fix() {
        let mut shop = profile();
        shop.missing_permissions = vec![MissingPermission {
            permission: "UpdateOrder",
            needed_for: "shipments",
        }];
        shop.stock_locations.push(StockLocation {
            id: "2".into(),
            name: "Elko".into(),
        });
        shop.tracking_fields.tracking_code = false;
        let expected = ExpectedShop {
            channel_token: Some("other".into()),
            stock_location: None,
        };
        let findings = check_shop(&shop, &expected);
        let text: Vec<String> = findings
            .iter()
            .filter(|f| f.verdict != PreflightVerdict::Ok)
            .map(|f| {
                format!(
                    "{}: {} -> {}",
                    f.check,
                    f.detail,
                    f.fix.as_deref().unwrap_or("")
                )
            })
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn a_location_is_found_by_name_or_id_and_never_guessed() {
        let two = [("1", "Reno"), ("2", "Reno"), ("Elko", "3")].map(|(id, name)| StockLocation {
            id: id.into(),
            name: name.into(),
        });
        let found = |wanted: Option<&str>| check_stock_location(&two, wanted).verdict;
        assert_eq!(found(Some("2")), PreflightVerdict::Ok);
        assert_eq!(found(Some("Reno")), PreflightVerdict::Failed);
        assert_eq!(found(Some("reno")), PreflightVerdict::Failed);
        assert_eq!(found(None), PreflightVerdict::Failed);
        assert_eq!(
            check_stock_location(&[], Some("Reno")).verdict,
            PreflightVerdict::Failed
        );
    }
}
