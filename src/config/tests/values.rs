//! The typed values.

use std::time::Duration;

use chrono::Weekday::{Mon, Sat, Wed};
use chrono_tz::Tz;

use super::{config, env_without, problem, setting};
use crate::{
    config::{ApiStyle, ConfigLayer, inspect_settings, load},
    domain::{
        ExistingOrdersPolicy, LineFormat, PriceBasis, RestAuth, ShippingMethodCode,
        VendureCredentials,
    },
};

#[test]
fn the_defaults_are_as_documented() {
    let config = config(&[]);
    assert_eq!(config.veracore.api_style, ApiStyle::Rest);
    assert_eq!(config.veracore.auth, RestAuth::OAuth2);
    assert_eq!(config.veracore.timeout, Duration::from_secs(30));
    assert_eq!(config.veracore.rate_limit_per_second.get(), 10);
    assert_eq!(config.veracore.max_concurrency, 4);
    assert_eq!(config.veracore.timezone, Tz::America__Los_Angeles);
    assert!(config.veracore.webhook_secret.is_none());
    assert!(matches!(
        config.vendure.credentials,
        VendureCredentials::Password { .. }
    ));
    assert_eq!(config.vendure.max_concurrency, 4);
    assert_eq!(config.vendure.channel_token, None);
    assert_eq!(config.database.max_connections, 10);
    let orders = &config.orders;
    assert_eq!(orders.trigger_states.len(), 1);
    assert_eq!(orders.trigger_states[0].as_str(), "PaymentSettled");
    assert_eq!(orders.existing_orders, ExistingOrdersPolicy::Skip);
    assert_eq!(orders.unit_price, PriceBasis::Gross);
    assert_eq!(orders.shipping_methods, None);
    assert!(orders.skip_skus.is_empty());
    assert_eq!(orders.send_delay, Duration::ZERO);
    assert_eq!(orders.poll_interval, Duration::from_secs(10));
    assert_eq!(orders.sweep_interval, Duration::from_secs(600));
    assert_eq!(orders.max_attempts, 10);
    assert_eq!(orders.retry_initial, Duration::from_secs(15));
    assert_eq!(orders.retry_max, Duration::from_secs(3600));
    assert!(!orders.vendure_order_notes && !orders.cancel_in_vendure);
    assert_eq!(config.schedule.inventory_interval_minutes, 1440);
    assert_eq!(config.schedule.tracking_interval_minutes, 30);
    assert_eq!(config.schedule.business_days.len(), 5);
    assert_eq!(config.inventory.max_drop_percent, 50);
    assert_eq!(config.maps, crate::config::NameMaps::default());
    assert!(config.server.sync_enabled);
    assert_eq!(config.server.http_listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.log.format, LineFormat::Pretty);
    assert_eq!(config.server.log.level, "info");
    assert_eq!(config.server.pii_retention_days, 90);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn the_style_follows_the_url_unless_it_is_set() {
    let oms = "https://rhu001.example.com/pmomsws/OMS.asmx";
    let url = ("VERACORE_API_URL", oms);
    // The interface `oms` needs no company.
    let config = load(&env_without("VERACORE_COMPANY_ID", &[url])).unwrap();
    assert_eq!(config.veracore.api_style, ApiStyle::Oms);
    let shown = setting(&config, "VERACORE_API_STYLE");
    assert_eq!(shown.value.as_deref(), Some("oms"));
    assert_eq!(shown.provenance.origin, ConfigLayer::Default);
    let set = super::config(&[url, ("VERACORE_API_STYLE", "REST")]);
    assert_eq!(set.veracore.api_style, ApiStyle::Rest);
}

#[test]
fn words_and_lists_become_types() {
    let config = config(&[
        ("VERACORE_AUTH", "Basic"),
        ("ORDER_SKIP_SKUS", "GIFT-*, DIGITAL,"),
        ("ORDER_SHIPPING_METHODS", "standard , express"),
        ("ORDER_HOLD_MINUTES", "15"),
        ("ORDER_SYNC_EXISTING", "send"),
        ("ORDER_UNIT_PRICE", "net"),
        ("CANCEL_IN_VENDURE", "yes"),
        ("SYNC_ENABLED", "0"),
        ("BUSINESS_DAYS", "Sat,Mon,Wed"),
        ("SYNC_TIMEZONE", "Europe/Berlin"),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "sqlx=debug"),
    ]);
    assert_eq!(config.veracore.auth, RestAuth::Basic);
    let skip = &config.orders.skip_skus;
    assert!(skip.is_match("GIFT-1/x") && skip.is_match("DIGITAL"));
    assert!(!skip.is_match("gift-1") && !skip.is_match("DIGITAL-2"));
    let methods = config.orders.shipping_methods.unwrap();
    let codes: Vec<&str> = methods.iter().map(ShippingMethodCode::as_str).collect();
    assert_eq!(codes, ["standard", "express"]);
    assert_eq!(config.orders.send_delay, Duration::from_secs(900));
    assert_eq!(config.orders.existing_orders, ExistingOrdersPolicy::Send);
    assert_eq!(config.orders.unit_price, PriceBasis::Net);
    assert!(config.orders.cancel_in_vendure);
    assert!(!config.server.sync_enabled);
    assert_eq!(config.schedule.business_days, [Mon, Wed, Sat]);
    assert_eq!(config.veracore.timezone, Tz::Europe__Berlin);
    assert_eq!(config.server.log.rust_log.as_deref(), Some("sqlx=debug"));
}

#[test]
fn numbers_are_whole_and_in_their_range() {
    for (name, bad) in [
        ("VERACORE_TIMEOUT_SECONDS", "0"),
        ("VENDURE_TIMEOUT_SECONDS", "601"),
        ("VERACORE_RATE_LIMIT_PER_SECOND", "1.5"),
        ("VENDURE_MAX_CONCURRENCY", "4294967297"),
        ("DATABASE_MAX_CONNECTIONS", "1"),
        ("INVENTORY_SAFETY_STOCK", "-1"),
        ("SYNC_TRACKING_INTERVAL_MINUTES", "0x10"),
        ("ORDER_POLL_INTERVAL_SECONDS", "10s"),
    ] {
        let problem = problem(&[(name, bad)]);
        let start = format!("{name}: '{bad}' (from environment) is not a whole number");
        assert!(problem.starts_with(&start), "{problem}");
    }
}

#[test]
fn a_default_that_follows_from_another_setting_is_shown_of_an_invalid_configuration_too() {
    let mut sources = env_without("VERACORE_CLIENT_ID", &[("SYNC_TIMEZONE", "Europe/Berlin")]);
    let shown = |sources: &_, key: &str| {
        let (settings, problems) = inspect_settings(sources);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let setting = settings.into_iter().find(|setting| setting.key == key);
        let setting = setting.unwrap();
        assert_eq!(setting.provenance.origin, ConfigLayer::Default);
        setting.value
    };
    assert_eq!(
        shown(&sources, "VERACORE_TIMEZONE").as_deref(),
        Some("Europe/Berlin")
    );
    assert_eq!(
        shown(&sources, "VERACORE_API_STYLE").as_deref(),
        Some("rest")
    );
    let url = "https://rhu001.example.com/pmomsws/OMS.asmx";
    sources.env.insert("VERACORE_API_URL".into(), url.into());
    assert_eq!(
        shown(&sources, "VERACORE_API_STYLE").as_deref(),
        Some("oms")
    );
}
