//! Secrets can be read from files, and are shown nowhere.

use secrecy::ExposeSecret as _;

use super::{Folder, config, env, env_without, error, setting, text};
use crate::{
    config::{ConfigError, ConfigLayer, MASK, SETTINGS, Sources, load},
    domain::VendureCredentials,
};

#[test]
fn a_file_gives_a_secret_without_its_last_newline() {
    let folder = Folder::new();
    for written in ["hunter2 ", "hunter2 \n", "hunter2 \r\n"] {
        let path = text(&folder.file("secret", written));
        let sources = env_without("VENDURE_PASSWORD", &[("VENDURE_PASSWORD_FILE", &path)]);
        let config = load(&sources).unwrap();
        let VendureCredentials::Password { password, .. } = &config.vendure.credentials else {
            panic!("not a password");
        };
        assert_eq!(password.expose_secret(), "hunter2 ", "{written:?}");
        let place = &setting(&config, "VENDURE_PASSWORD").provenance;
        assert_eq!(place.origin, ConfigLayer::Environment);
        assert_eq!(place.source.as_deref(), Some("VENDURE_PASSWORD_FILE"));
    }
}

#[test]
fn a_bad_secret_file_is_named() {
    let folder = Folder::new();
    let shown = |path: &str| {
        let sources = env_without("VENDURE_PASSWORD", &[("VENDURE_PASSWORD_FILE", path)]);
        let error: ConfigError = error(&sources);
        assert!(!error.to_string().contains("hunter2"), "{error}");
        folder.anonymous(&error.problems[0].to_string())
    };
    insta::assert_snapshot!(shown("/does/not/exist"), @"VENDURE_PASSWORD_FILE: names /does/not/exist, which cannot be read: No such file or directory (os error 2). Example: VENDURE_PASSWORD_FILE=/run/secrets/vendure_password");
    insta::assert_snapshot!(shown(&text(&folder.file("a", "\n"))), @"VENDURE_PASSWORD_FILE: names [folder]/a, which is empty. Example: VENDURE_PASSWORD_FILE=/run/secrets/vendure_password");
    insta::assert_snapshot!(shown(&text(&folder.file("b", b"hunter2\xff"))), @"VENDURE_PASSWORD_FILE: names [folder]/b, which is not UTF-8 text. Example: VENDURE_PASSWORD_FILE=/run/secrets/vendure_password");
    insta::assert_snapshot!(shown(&text(&folder.file("c", "hunter2\n\n"))), @"VENDURE_PASSWORD: contains a line break or another control character. Example: VENDURE_PASSWORD=the-password");
    insta::assert_snapshot!(shown("hunter2"), @"VENDURE_PASSWORD_FILE: names a file (not shown: it is not an absolute path and may be the secret itself), which cannot be read: No such file or directory (os error 2). Example: VENDURE_PASSWORD_FILE=/run/secrets/vendure_password");
}

#[test]
fn a_secret_is_given_once() {
    let folder = Folder::new();
    let path = text(&folder.file("secret", "hunter2-other"));
    let sources = env(&[("DATABASE_URL_FILE", &path), ("VENDURE_PASSWORD_FILE", "")]);
    insta::assert_snapshot!(error(&sources), @"
    the configuration has a problem:
      DATABASE_URL: is set together with DATABASE_URL_FILE; set only one of them. Example: DATABASE_URL=postgres://user:password@localhost:5432/veracore_sync
    ");
}

#[test]
fn no_secret_is_shown_anywhere() {
    let key = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=";
    let more: Vec<(&str, &str)> = SETTINGS
        .iter()
        .filter(|key| key.is_secret() && key.name != "VENDURE_API_KEY")
        .map(|setting| match setting.name {
            "DATABASE_URL" => (setting.name, "postgres://me:hunter2@localhost/sync"),
            "CONFIG_ENCRYPTION_KEY" => (setting.name, key),
            name => (name, "hunter2"),
        })
        .chain([("EVENT_WEBHOOK_URL", "https://hooks.example.com")])
        .collect();
    let sources = env(&more);
    let config = load(&sources).unwrap();
    let shown = [
        format!("{config:?} {sources:?}"),
        format!("{:?}", config.settings),
        serde_json::to_string(&config.settings).unwrap(),
        config.warnings.join("\n"),
    ];
    for text in shown {
        assert!(!text.contains("hunter2") && !text.contains(key), "{text}");
        // The key's bytes, as a list of numbers.
        assert!(!text.contains("104, 117, 110"), "{text}");
    }
    for (name, _) in more {
        let value = setting(&config, name).value.clone().unwrap();
        assert!(
            value.contains(MASK) || name == "EVENT_WEBHOOK_URL",
            "{name}"
        );
    }
    // Nor if each of them is invalid because of a line break.
    let broken = sources.env.into_iter().map(|(k, v)| (k, format!("{v}\nx")));
    let error = error(&Sources {
        env: broken.collect(),
        ..Sources::default()
    });
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains(key),
        "{shown}"
    );
}

/// The settings, a line each.
fn lines(config: &crate::config::Config) -> String {
    let lines = config.settings.iter().map(|s| {
        let value = s.value.as_deref().unwrap_or("-");
        format!("{:<32} {:<12} {value}", s.key, s.provenance)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_settings_are_shown_in_order_with_their_origins() {
    let config = config(&[
        ("VENDURE_CHANNEL_TOKEN", "us"),
        ("ORDER_SKIP_SKUS", "A, B*,"),
    ]);
    insta::assert_snapshot!(lines(&config), @"
    VERACORE_API_URL                 environment  https://veracore.example.com/v1
    VERACORE_API_STYLE               default      rest
    VERACORE_AUTH                    default      oauth2
    VERACORE_CLIENT_ID               environment  acme-api
    VERACORE_CLIENT_SECRET           environment  ********
    VERACORE_COMPANY_ID              environment  ACME
    VERACORE_WEBHOOK_SECRET          default      -
    VERACORE_TIMEOUT_SECONDS         default      30
    VERACORE_RATE_LIMIT_PER_SECOND   default      10
    VERACORE_MAX_CONCURRENCY         default      4
    VERACORE_OMS_NAMESPACE           default      -
    VERACORE_OMS_UNMAPPED_SHIPPING   default      send
    VERACORE_OMS_ORDER_ID_LENGTH     default      50
    VERACORE_OMS_INVENTORY           default      offers
    VERACORE_OMS_NOT_FOUND_TEXT      default      -
    VERACORE_OMS_CANCEL_STYLE        default      soap
    VERACORE_OMS_CANCEL_NAMESPACE    default      http://tempuri.org/
    VERACORE_OMS_CANCEL_ACTION       default      -
    VENDURE_API_URL                  environment  http://shop:3000/admin-api
    VENDURE_USERNAME                 environment  veracore-sync
    VENDURE_PASSWORD                 environment  ********
    VENDURE_API_KEY                  default      -
    VENDURE_CHANNEL_TOKEN            environment  us
    VENDURE_STOCK_LOCATION           default      -
    VENDURE_TIMEOUT_SECONDS          default      30
    VENDURE_MAX_CONCURRENCY          default      4
    DATABASE_URL                     environment  postgres://me:********@localhost/sync
    DATABASE_MAX_CONNECTIONS         default      10
    SYNC_ENABLED                     default      true
    ORDER_SYNC_TRIGGER_STATES        default      PaymentSettled
    ORDER_SYNC_EXISTING              default      skip
    ORDER_UNIT_PRICE                 default      gross
    ORDER_SHIPPING_METHODS           default      -
    ORDER_SKIP_SKUS                  environment  A,B*
    ORDER_HOLD_MINUTES               default      0
    ORDER_POLL_INTERVAL_SECONDS      default      10
    ORDER_SWEEP_INTERVAL_SECONDS     default      600
    ORDER_SYNC_MAX_ATTEMPTS          default      10
    RETRY_INITIAL_SECONDS            default      15
    RETRY_MAX_SECONDS                default      3600
    SYNC_TIMEZONE                    default      America/Los_Angeles
    SYNC_INVENTORY_TIME              default      02:00
    SYNC_INVENTORY_INTERVAL_MINUTES  default      1440
    SYNC_TRACKING_INTERVAL_MINUTES   default      30
    BUSINESS_HOURS                   default      09:00-19:00
    BUSINESS_DAYS                    default      Mon-Fri
    INVENTORY_MAX_DROP_PERCENT       default      50
    INVENTORY_SAFETY_STOCK           default      0
    INVENTORY_BATCH_SIZE             default      40
    [safety_stock]                   default      -
    VENDURE_ORDER_NOTES              default      false
    HTTP_LISTEN                      default      127.0.0.1:8080
    API_TOKEN                        default      -
    CONFIG_ENCRYPTION_KEY            default      -
    EVENT_WEBHOOK_URL                default      -
    EVENT_WEBHOOK_SECRET             default      -
    CANCEL_IN_VENDURE                default      false
    VERACORE_TIMEZONE                default      America/Los_Angeles
    PII_RETENTION_DAYS               default      90
    [shipping_methods]               default      -
    [freight]                        default      -
    [skus]                           default      -
    [warehouses]                     default      -
    LOG_FORMAT                       default      pretty
    LOG_LEVEL                        default      info
    ");
    let json = serde_json::to_value(setting(&config, "VENDURE_PASSWORD")).unwrap();
    let expected = serde_json::json!({
        "key": "VENDURE_PASSWORD", "value": "********", "origin": "environment", "source": null,
        "meaning": "the administrator's password"
    });
    assert_eq!(json, expected);
}
