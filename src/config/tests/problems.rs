//! Every problem is reported at once, with a valid example.

use proptest::prelude::*;

use super::{Folder, env, env_without, error, problem};
use crate::config::{SETTINGS, Sources, load, load_keyring};

#[test]
fn every_missing_setting_is_named() {
    insta::assert_snapshot!(error(&Sources::default()), @"
    the configuration has 7 problems:
      VERACORE_API_URL: is required and not set. Example: VERACORE_API_URL=https://veracore.example.com/v1
      VERACORE_CLIENT_ID: is required and not set. Example: VERACORE_CLIENT_ID=acme-api
      VERACORE_CLIENT_SECRET: is required and not set. Example: VERACORE_CLIENT_SECRET=the-secret-of-the-client
      VERACORE_COMPANY_ID: is required for VERACORE_API_STYLE=rest and not set. Example: VERACORE_COMPANY_ID=ACME
      VENDURE_API_URL: is required and not set. Example: VENDURE_API_URL=https://shop.example.com/admin-api
      VENDURE_USERNAME: no login to Vendure is set: VENDURE_USERNAME with VENDURE_PASSWORD, or VENDURE_API_KEY, is required. Example: VENDURE_USERNAME=veracore-sync
      DATABASE_URL: is required and not set. Example: DATABASE_URL=postgres://user:password@localhost:5432/veracore_sync
    ");
}

#[test]
fn all_problems_are_named_at_once() {
    let folder = Folder::new();
    let toml = r#"
        veracore_apu_url = "https://veracore.example.com"
        VENDURE_API_URL = "https://shop.example.com/admin-api"
        colour = "hunter2"
        veracore_timeout_seconds = [1, 2]
        order_shipping_methods = [["a"]]
        [veracore]
        api_url = "x"
        [skus]
        A.B = "x"
        C = ""
        [safety_stock]
        D = -1
    "#;
    let mut sources = env(&[
        ("VERACORE_API_URL", "http://me:hunter2@veracore.example.com"),
        ("VERACORE_API_STYLE", "soap"),
        ("VERACORE_RATE_LIMIT_PER_SECOND", "0"),
        ("VERACORE_MAX_CONCURRENCY", "65"),
        ("VENDURE_API_KEY", "hunter2"),
        ("VENDURE_CHANNEL_TOKEN", "a\nb"),
        ("SYNC_ENABLED", "maybe"),
        ("ORDER_SYNC_TRIGGER_STATES", ","),
        ("ORDER_SKIP_SKUS", "GIFT-[,OK-*"),
        ("ORDER_HOLD_MINUTES", "-5"),
        ("RETRY_INITIAL_SECONDS", "60"),
        ("RETRY_MAX_SECONDS", "30"),
        ("SYNC_TIMEZONE", "America/Los_Angelos"),
        ("SYNC_INVENTORY_TIME", "25:00"),
        ("SYNC_INVENTORY_INTERVAL_MINUTES", "7"),
        ("BUSINESS_HOURS", "19:00-09:00"),
        ("BUSINESS_DAYS", "Mon-Fry,Sat,Caturday"),
        ("INVENTORY_MAX_DROP_PERCENT", "101"),
        ("HTTP_LISTEN", ":8080"),
        ("CONFIG_ENCRYPTION_KEY", "hunter2"),
        ("EVENT_WEBHOOK_URL", "http://hooks.example.com"),
        ("PII_RETENTION_DAYS", "90 days"),
        ("LOG_LEVEL", "loud"),
        ("VERACORE_TIMEOUTS_SECONDS", "3"),
    ]);
    sources.file = Some(folder.file("c.toml", toml));
    let shown = error(&sources).to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(folder.anonymous(&shown), @r#"
    the configuration has 32 problems:
      colour: is not a key of this file, [folder]/c.toml. Example: see config/default.toml for every key
      veracore: is not a key of this file, [folder]/c.toml. Example: see config/default.toml for every key
      veracore_apu_url: is not a key of this file, [folder]/c.toml; did you mean veracore_api_url? Example: veracore_api_url = "https://veracore.example.com/v1"
      VERACORE_API_URL: contains a user or password; set them in their own settings. Example: VERACORE_API_URL=https://veracore.example.com/v1
      VERACORE_API_STYLE: 'soap' (from environment) is not one of: rest, oms. Example: VERACORE_API_STYLE=rest
      VERACORE_TIMEOUT_SECONDS: must be a single value, not a list or a table. Example: VERACORE_TIMEOUT_SECONDS=30
      VERACORE_RATE_LIMIT_PER_SECOND: '0' (from environment) is not a whole number from 1 to 1000. Example: VERACORE_RATE_LIMIT_PER_SECOND=10
      VERACORE_MAX_CONCURRENCY: '65' (from environment) is not a whole number from 1 to 64. Example: VERACORE_MAX_CONCURRENCY=4
      VENDURE_API_URL: is not a key of this file, [folder]/c.toml; did you mean vendure_api_url? Example: vendure_api_url = "https://shop.example.com/admin-api"
      VENDURE_API_KEY: is set together with VENDURE_USERNAME or VENDURE_PASSWORD; set only one login. Example: VENDURE_API_KEY=the-api-key
      VENDURE_CHANNEL_TOKEN: contains a line break or another control character. Example: VENDURE_CHANNEL_TOKEN=us-channel
      SYNC_ENABLED: 'maybe' (from environment) is not one of: true, false, yes, no, on, off, 1, 0. Example: SYNC_ENABLED=true
      ORDER_SYNC_TRIGGER_STATES: is an empty list. Example: ORDER_SYNC_TRIGGER_STATES=PaymentSettled
      ORDER_SHIPPING_METHODS: must be a list of single values. Example: ORDER_SHIPPING_METHODS=standard,express
      ORDER_SKIP_SKUS: 'GIFT-[' (from environment) is not a SKU or glob: unclosed character class; missing ']'. Example: ORDER_SKIP_SKUS=GIFT-*,DIGITAL
      ORDER_HOLD_MINUTES: '-5' (from environment) is not a whole number from 0 to 43200. Example: ORDER_HOLD_MINUTES=15
      RETRY_MAX_SECONDS: 30 is less than RETRY_INITIAL_SECONDS, which is 60. Example: RETRY_MAX_SECONDS=3600
      SYNC_TIMEZONE: 'America/Los_Angelos' (from environment) is not the name of a time zone; did you mean America/Los_Angeles? Example: SYNC_TIMEZONE=America/Los_Angeles
      SYNC_INVENTORY_TIME: '25:00' (from environment) is not a time of day. Example: SYNC_INVENTORY_TIME=02:00
      SYNC_INVENTORY_INTERVAL_MINUTES: '7' (from environment) is not a divisor of 1440, the minutes of a day; 60, 120, 240, 360, 720 are. Example: SYNC_INVENTORY_INTERVAL_MINUTES=240
      BUSINESS_HOURS: '19:00-09:00' (from environment) closes before it opens. Example: BUSINESS_HOURS=09:00-19:00
      BUSINESS_DAYS: 'Mon-Fry' (from environment) is neither a day (Mon) nor a span of days (Mon-Fri). Example: BUSINESS_DAYS=Mon-Fri
      BUSINESS_DAYS: 'Caturday' (from environment) is neither a day (Mon) nor a span of days (Mon-Fri). Example: BUSINESS_DAYS=Mon-Fri
      INVENTORY_MAX_DROP_PERCENT: '101' (from environment) is not a whole number from 0 to 100. Example: INVENTORY_MAX_DROP_PERCENT=50
      safety_stock.D: its number is not a whole number of units. Example: [safety_stock] "MUG-RED" = 5
      HTTP_LISTEN: ':8080' (from environment) is not an IP address with a port. Example: HTTP_LISTEN=127.0.0.1:8080
      CONFIG_ENCRYPTION_KEY: is not base64. Example: CONFIG_ENCRYPTION_KEY=$(openssl rand -base64 32)
      EVENT_WEBHOOK_URL: uses http, which is allowed for this machine only (127.0.0.1, ::1, localhost); use https. Example: EVENT_WEBHOOK_URL=https://hooks.example.com/veracore-sync
      PII_RETENTION_DAYS: '90 days' (from environment) is not a whole number from 1 to 3650. Example: PII_RETENTION_DAYS=90
      skus.A: is not a single value; a name with a dot needs quotes. Example: [skus] "MUG-RED" = "100234"
      skus.C: the SKU is empty. Example: [skus] "MUG-RED" = "100234"
      LOG_LEVEL: 'loud' (from environment) is not one of: error, warn, info, debug, trace. Example: LOG_LEVEL=info
      note: VERACORE_TIMEOUTS_SECONDS is ignored; did you mean VERACORE_TIMEOUT_SECONDS?
    "#);
}

#[test]
fn the_file_must_be_there_and_be_toml() {
    let folder = Folder::new();
    let shown = |sources: &Sources| folder.anonymous(&error(sources).to_string());
    let with = |file| Sources {
        file: Some(file),
        ..env(&[])
    };
    insta::assert_snapshot!(shown(&with(folder.0.join("none.toml"))), @"
    the configuration has a problem:
      --config: [folder]/none.toml cannot be read: No such file or directory (os error 2). Example: --config /etc/veracore-sync.toml
    ");
    insta::assert_snapshot!(shown(&env(&[("CONFIG_FILE", "/nowhere.toml")])), @"
    the configuration has a problem:
      CONFIG_FILE: /nowhere.toml cannot be read: No such file or directory (os error 2). Example: CONFIG_FILE=/etc/veracore-sync.toml
    ");
    insta::assert_snapshot!(shown(&with(folder.0.clone())), @"
    the configuration has a problem:
      --config: [folder] cannot be read: Is a directory (os error 21). Example: --config /etc/veracore-sync.toml
    ");
    insta::assert_snapshot!(shown(&with(folder.file("a.toml", b"a = \"\xff\""))), @"
    the configuration has a problem:
      --config: [folder]/a.toml cannot be read: it is not UTF-8 text. Example: --config /etc/veracore-sync.toml
    ");
    let toml = "log_level = \"info\"\nvendure_password = hunter2\n";
    let error = shown(&with(folder.file("b.toml", toml)));
    assert!(!error.contains("hunter2"), "{error}");
    insta::assert_snapshot!(error, @"
    the configuration has a problem:
      [folder]/b.toml: is not valid TOML: line 2: string values must be quoted, expected literal string. Example: veracore_timeout_seconds = 30
    ");
    let toml = "order_sync_max_attempts = 99999999999999999999";
    insta::assert_snapshot!(shown(&with(folder.file("c.toml", toml))), @"
    the configuration has a problem:
      [folder]/c.toml: is not valid TOML: number too large to fit in target type. Example: veracore_timeout_seconds = 30
    ");
}

#[test]
fn one_way_to_log_in_to_vendure() {
    let login = |more: &[(&str, &str)], without: &str| {
        let error = error(&env_without(without, more));
        let keys = error.problems.iter().map(|problem| problem.key.clone());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(login(&[], "VENDURE_PASSWORD"), ["VENDURE_PASSWORD"]);
    assert_eq!(login(&[], "VENDURE_USERNAME"), ["VENDURE_USERNAME"]);
    let key = [("VENDURE_API_KEY", "k")];
    assert_eq!(login(&key, ""), ["VENDURE_API_KEY"]);
    assert_eq!(login(&key, "VENDURE_PASSWORD"), ["VENDURE_API_KEY"]);
    let only_key = [
        ("VENDURE_API_KEY", "k"),
        ("VENDURE_USERNAME", ""),
        ("VENDURE_PASSWORD", ""),
    ];
    assert!(load(&env(&only_key)).is_ok());
}

#[test]
fn an_event_webhook_needs_its_secret() {
    let url = ("EVENT_WEBHOOK_URL", "https://hooks.example.com");
    assert_eq!(
        problem(&[url]),
        "EVENT_WEBHOOK_SECRET: is required with EVENT_WEBHOOK_URL and not set"
    );
    let secret = ("EVENT_WEBHOOK_SECRET", "s");
    assert!(load(&env(&[url, secret])).is_ok());
    let warnings = load(&env(&[secret])).unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn an_encryption_key_is_32_bytes() {
    let padded = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let id = |keys: &str| {
        let keyring = load_keyring(&env(&[("CONFIG_ENCRYPTION_KEY", keys)])).unwrap();
        keyring.sealing_key_id().unwrap().to_owned()
    };
    let first = id(padded);
    assert_eq!(id(padded.trim_end_matches('=')), first);
    // The first of several seals.
    let other = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    assert_eq!(id(&format!("{padded}, {other}")), first);
    assert_ne!(id(&format!("{other},{padded}")), first);
    let short = problem(&[("CONFIG_ENCRYPTION_KEY", "aHVudGVyMg==")]);
    assert_eq!(short, "CONFIG_ENCRYPTION_KEY: has 7 bytes instead of 32");
}

#[test]
fn the_error_is_one_json_object() {
    let error = error(&env(&[("LOG_LEVEL", "loud")]));
    insta::assert_json_snapshot!(error, @r#"
    {
      "problems": [
        {
          "key": "LOG_LEVEL",
          "problem": "'loud' (from environment) is not one of: error, warn, info, debug, trace",
          "example": "LOG_LEVEL=info"
        }
      ],
      "warnings": []
    }
    "#);
}

proptest! {
    #[test]
    fn no_environment_makes_it_panic(values in prop::collection::vec((0..SETTINGS.len(), ".{0,40}"), 0..30)) {
        let mut sources = env(&[]);
        for (at, value) in values {
            sources.env.insert(SETTINGS[at].name.to_owned(), value);
        }
        if let Err(error) = load(&sources) {
            prop_assert!(!error.problems.is_empty(), "{error}");
        }
    }

    #[test]
    fn nor_do_nearly_valid_values(
        at in 0..SETTINGS.len(),
        value in "[0-9:,*\\[{-]{0,8}|(Mon|Sun)[-,a-z]{0,4}|postgres://[a-z:@/?#%]{0,12}|https?://[a-z:@/?#\\[%]{0,12}",
    ) {
        let mut sources = env(&[(SETTINGS[at].name, &value)]);
        let in_environment = load(&sources).is_ok();
        sources.env.remove(SETTINGS[at].name);
        sources.stored.insert(SETTINGS[at].name.to_owned(), value.clone());
        let in_database = load(&sources).is_ok();
        // A value is judged in the same way in both layers.
        if SETTINGS[at].is_storable() && super::REQUIRED.iter().all(|(name, _)| *name != SETTINGS[at].name) {
            prop_assert_eq!(in_environment, in_database);
        }
    }

    #[test]
    fn no_file_makes_it_panic(toml in "([a-z_.\\[\\]\"]{1,12}( = [0-9\"\\[{,a-z}\\]]{0,9})?\n){0,6}") {
        let folder = Folder::new();
        let sources = Sources { file: Some(folder.file("c.toml", toml)), ..env(&[]) };
        let _ = load(&sources);
    }
}
