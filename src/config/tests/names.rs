//! Names that others rely on: the settings', the sample file's, the documentation's tables.

use std::collections::BTreeSet;

use super::config;
use crate::config::{SETTINGS, SettingSpec, find_setting, settings_markdown};

const SAMPLE: &str = include_str!("../../../config/default.toml");

/// The settings in the order of the documentation.
const NAMES: &str = "
    VERACORE_API_URL VERACORE_API_STYLE VERACORE_AUTH VERACORE_CLIENT_ID VERACORE_CLIENT_SECRET
    VERACORE_COMPANY_ID VERACORE_WEBHOOK_SECRET VERACORE_TIMEOUT_SECONDS
    VERACORE_RATE_LIMIT_PER_SECOND VERACORE_MAX_CONCURRENCY VERACORE_OMS_NAMESPACE
    VERACORE_OMS_UNMAPPED_SHIPPING VERACORE_OMS_ORDER_ID_LENGTH VERACORE_OMS_INVENTORY
    VERACORE_OMS_NOT_FOUND_TEXT VERACORE_OMS_CANCEL_STYLE VERACORE_OMS_CANCEL_NAMESPACE
    VERACORE_OMS_CANCEL_ACTION VENDURE_API_URL VENDURE_USERNAME
    VENDURE_PASSWORD VENDURE_API_KEY VENDURE_CHANNEL_TOKEN VENDURE_STOCK_LOCATION
    VENDURE_TIMEOUT_SECONDS VENDURE_MAX_CONCURRENCY DATABASE_URL DATABASE_MAX_CONNECTIONS
    SYNC_ENABLED ORDER_SYNC_TRIGGER_STATES ORDER_SYNC_EXISTING ORDER_UNIT_PRICE
    ORDER_SHIPPING_METHODS ORDER_SKIP_SKUS ORDER_HOLD_MINUTES ORDER_POLL_INTERVAL_SECONDS
    ORDER_SWEEP_INTERVAL_SECONDS ORDER_SYNC_MAX_ATTEMPTS RETRY_INITIAL_SECONDS RETRY_MAX_SECONDS
    SYNC_TIMEZONE SYNC_INVENTORY_TIME SYNC_INVENTORY_INTERVAL_MINUTES
    SYNC_TRACKING_INTERVAL_MINUTES BUSINESS_HOURS BUSINESS_DAYS INVENTORY_MAX_DROP_PERCENT
    INVENTORY_SAFETY_STOCK INVENTORY_BATCH_SIZE safety_stock VENDURE_ORDER_NOTES HTTP_LISTEN API_TOKEN
    CONFIG_ENCRYPTION_KEY EVENT_WEBHOOK_URL EVENT_WEBHOOK_SECRET CANCEL_IN_VENDURE
    VERACORE_TIMEZONE PII_RETENTION_DAYS shipping_methods freight skus warehouses LOG_FORMAT LOG_LEVEL
";

#[test]
fn every_setting_is_known_in_its_order() {
    let names: Vec<&str> = SETTINGS.iter().map(|key| key.name).collect();
    let expected: Vec<&str> = NAMES.split_whitespace().collect();
    assert_eq!(names, expected);
    let config = config(&[]);
    let shown = config.settings.iter();
    let shown: Vec<&str> = shown.map(|s| s.key.trim_matches(['[', ']'])).collect();
    assert_eq!(shown, expected);
    assert!(find_setting("vendure_api_key").is_some_and(SettingSpec::is_secret));
    assert!(find_setting("NOTHING").is_none());
}

#[test]
fn the_secrets_are_these() {
    let secrets = SETTINGS
        .iter()
        .filter(|key| key.is_secret())
        .map(|key| key.name);
    let files = SETTINGS.iter().filter_map(|key| key.file_variable());
    let expected = [
        "VERACORE_CLIENT_SECRET",
        "VERACORE_WEBHOOK_SECRET",
        "VENDURE_PASSWORD",
        "VENDURE_API_KEY",
        "DATABASE_URL",
        "API_TOKEN",
        "CONFIG_ENCRYPTION_KEY",
        "EVENT_WEBHOOK_SECRET",
    ];
    assert_eq!(secrets.collect::<Vec<_>>(), expected);
    assert_eq!(files.count(), expected.len() + 1);
}

#[test]
fn the_sample_file_has_each_setting_once() {
    // A setting is a line `name = value`, commented out when it has no default.
    let mut found = BTreeSet::new();
    for line in SAMPLE.lines() {
        let line = line.trim_start_matches("# ");
        let name = match line.split_once(" = ") {
            Some((name, _)) => name,
            None => line.trim_matches(['[', ']']),
        };
        let known = SETTINGS.iter().any(|key| key.file_key() == name);
        assert!(!known || found.insert(name.to_owned()), "{name} is twice");
    }
    let all: BTreeSet<String> = SETTINGS.iter().map(|key| key.file_key()).collect();
    assert_eq!(found, all);
}

#[test]
fn each_setting_is_explained_on_one_line_of_a_table() {
    let defaults: toml::Table = SAMPLE.parse().unwrap();
    let table = settings_markdown();
    for key in SETTINGS {
        let name = key.name;
        let meaning = key.meaning();
        assert!(!meaning.is_empty() && !key.example.is_empty(), "{name}");
        for text in [&meaning, key.unset_meaning(), key.example] {
            assert!(!text.contains(['|', '\n', '<']), "{name}: {text}");
        }
        let (shown, default) = match defaults.get(&key.file_key()) {
            None => (format!("`{name}`"), None),
            Some(toml::Value::Table(_)) => (format!("`[{name}]`"), None),
            Some(toml::Value::String(text)) => (format!("`{name}`"), Some(text.clone())),
            Some(toml::Value::Array(items)) => {
                let first = items[0].as_str().unwrap();
                (format!("`{name}`"), Some(first.to_owned()))
            }
            Some(other) => (format!("`{name}`"), Some(other.to_string())),
        };
        // It has a default, or words for not having one.
        let has_words = !key.unset_meaning().is_empty() || key.is_table();
        assert_ne!(default.is_some(), has_words, "{name}");
        let default = default.unwrap_or_default();
        let mut rows = table.lines().filter(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            cells[0].trim_start_matches("| ") == shown && cells[1].contains(&default)
        });
        assert!(rows.next().is_some() && rows.next().is_none(), "{name}");
    }
}

#[test]
fn only_the_table_of_settings_states_ranges() {
    for line in SAMPLE.lines().filter(|line| line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        let has_range = words
            .windows(3)
            .any(|w| is_number(w[0]) && w[1] == "to" && is_number(w[2]));
        assert!(!has_range, "config/default.toml: {line}");
    }
    let meaning = |name| find_setting(name).unwrap().meaning();
    assert!(meaning("VERACORE_TIMEOUT_SECONDS").ends_with("; 1 to 600"));
    assert!(meaning("ORDER_HOLD_MINUTES").ends_with("; 0 to 43200 (30 days)"));
    assert!(meaning("RETRY_INITIAL_SECONDS").ends_with("; 1 to 86400"));
    assert!(meaning("VERACORE_OMS_NOT_FOUND_TEXT").ends_with("; at least 5 characters"));
}

#[test]
fn these_settings_are_special() {
    let names = |is: fn(&SettingSpec) -> bool| {
        let found = SETTINGS.iter().filter(|key| is(key));
        found.map(|key| key.name).collect::<Vec<_>>()
    };
    let guarded = names(|key| key.is_guarded() && !key.is_secret());
    let expected = [
        "VERACORE_API_URL",
        "VERACORE_API_STYLE",
        "VERACORE_AUTH",
        "VERACORE_CLIENT_ID",
        "VENDURE_API_URL",
        "VENDURE_USERNAME",
        "VENDURE_CHANNEL_TOKEN",
        "HTTP_LISTEN",
        "EVENT_WEBHOOK_URL",
    ];
    assert_eq!(guarded, expected);
    assert!(
        SETTINGS
            .iter()
            .all(|key| key.is_guarded() || !key.is_secret())
    );
    let expected = [
        "DATABASE_URL",
        "DATABASE_MAX_CONNECTIONS",
        "CONFIG_ENCRYPTION_KEY",
    ];
    assert_eq!(names(|key| !key.is_storable() && !key.is_table()), expected);
    let expected = [
        "DATABASE_URL",
        "DATABASE_MAX_CONNECTIONS",
        "HTTP_LISTEN",
        "CONFIG_ENCRYPTION_KEY",
        "LOG_FORMAT",
        "LOG_LEVEL",
    ];
    assert_eq!(names(SettingSpec::is_read_at_start), expected);
}
