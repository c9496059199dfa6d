//! The precedence of the layers, and the origin that is reported.

use super::{Folder, config, env, env_without, error, rows, setting, text};
use crate::{
    config::{ConfigLayer, Sources, load, load_database, load_keyring},
    domain::Sku,
};

const KEY: &str = "ORDER_SYNC_MAX_ATTEMPTS";

#[test]
fn each_layer_wins_over_those_below() {
    let folder = Folder::new();
    let file = folder.file("c.toml", "order_sync_max_attempts = 2");
    let seen = |sources: &Sources| {
        let config = load(sources).unwrap();
        let setting = setting(&config, KEY);
        assert_eq!(
            setting.value.as_deref(),
            Some(config.orders.max_attempts.to_string().as_str())
        );
        (config.orders.max_attempts, setting.provenance.origin)
    };
    let mut sources = env(&[]);
    assert_eq!(seen(&sources), (10, ConfigLayer::Default));
    sources.file = Some(file.clone());
    assert_eq!(seen(&sources), (2, ConfigLayer::File));
    sources.stored = rows(&[(KEY, "3")]);
    assert_eq!(seen(&sources), (3, ConfigLayer::Database));
    sources.env.insert(KEY.into(), "4".into());
    assert_eq!(seen(&sources), (4, ConfigLayer::Environment));
    // An empty variable counts as unset, so that the layers below apply.
    sources.env.insert(KEY.into(), " ".into());
    assert_eq!(seen(&sources), (3, ConfigLayer::Database));
    // Stored names may be in either case.
    sources.stored = rows(&[("order_sync_max_attempts", "5")]);
    assert_eq!(seen(&sources), (5, ConfigLayer::Database));
}

#[test]
fn the_argument_wins_over_config_file() {
    let folder = Folder::new();
    let a = folder.file("a.toml", "order_sync_max_attempts = 2");
    let b = folder.file("b.toml", "\u{feff}order_sync_max_attempts = 3");
    let mut sources = env(&[("CONFIG_FILE", &text(&b))]);
    let config = load(&sources).unwrap();
    assert_eq!(config.orders.max_attempts, 3);
    let place = &setting(&config, KEY).provenance;
    assert_eq!(place.source.as_deref(), Some(text(&b).as_str()));
    sources.file = Some(a);
    assert_eq!(load(&sources).unwrap().orders.max_attempts, 2);
    // An empty name counts as unset.
    let config = super::config(&[("CONFIG_FILE", "")]);
    assert_eq!(config.orders.max_attempts, 10);
}

#[test]
fn tables_keep_names_as_they_are_written() {
    let folder = Folder::new();
    let toml = r#"
        order_sync_trigger_states = ["PaymentSettled", "Shipped", "Shipped"]
        sync_inventory_time = 03:30:00
        veracore_company_id = 42
        [skus]
        "Mug.Red[0]" = "100.A"
        [shipping_methods]
        standard = "UPS Ground"
        [warehouses]
        EAST = "Main"
        [safety_stock]
        "Mug.Red[0]" = 5
    "#;
    let mut sources = env_without("VERACORE_COMPANY_ID", &[("INVENTORY_SAFETY_STOCK", "2")]);
    sources.file = Some(folder.file("c.toml", toml));
    let config = load(&sources).unwrap();
    let sku = |text: &str| Sku::parse(text).unwrap();
    assert_eq!(config.maps.skus[&sku("Mug.Red[0]")], sku("100.A"));
    assert_eq!(config.maps.warehouses["EAST"], "Main");
    assert_eq!(config.maps.shipping_methods.len(), 1);
    let stock = &config.inventory.safety_stock;
    assert_eq!(stock.for_sku("Mug.Red[0]").get(), 5);
    assert_eq!(stock.for_sku("other").get(), 2);
    assert_eq!(config.orders.trigger_states.len(), 2);
    assert_eq!(config.schedule.inventory_time.to_string(), "03:30:00");
    assert_eq!(config.veracore.company_id.as_deref(), Some("42"));
    let shown = setting(&config, "[skus]");
    assert_eq!(shown.value.as_deref(), Some(r#"{"Mug.Red[0]":"100.A"}"#));
    assert_eq!(shown.provenance.origin, ConfigLayer::File);
}

#[test]
fn warehouses_are_of_the_one_location_that_is_written() {
    let folder = Folder::new();
    let problem = |location: &str, table: &str| {
        let mut sources = env(&[("VENDURE_STOCK_LOCATION", location)]);
        sources.file = Some(folder.file("w.toml", format!("[warehouses]\n{table}")));
        let error = load(&sources).err();
        error.map(|error| error.problems[0].to_string())
    };
    assert_eq!(problem("Main", "EAST = \"Main\"\nWEST = \"Main\""), None);
    let other = problem("Main", "EAST = \"Main\"\nWEST = \"Elko\"").unwrap();
    assert!(
        other.starts_with("warehouses.WEST: is 'Elko', but VENDURE_STOCK_LOCATION is 'Main'"),
        "{other}"
    );
    let two = problem("", "EAST = \"Main\"\nWEST = \"Elko\"").unwrap();
    assert!(two.contains("other warehouses have another one"), "{two}");
}

#[test]
fn settings_of_the_database_are_not_read_from_it() {
    let mut sources = env(&[]);
    sources.stored = rows(&[
        ("DATABASE_URL", "postgres://elsewhere/db"),
        ("of_the_future", "1"),
        ("skus", "{}"),
    ]);
    let config = load(&sources).unwrap();
    insta::assert_debug_snapshot!(config.warnings, @r#"
    [
        "DATABASE_URL in veracore_config is ignored: it cannot be stored in the database",
        "of_the_future in veracore_config is ignored: there is no such setting",
        "skus in veracore_config is ignored: it cannot be stored in the database",
    ]
    "#);
    let url = setting(&config, "DATABASE_URL");
    assert_eq!(url.provenance.origin, ConfigLayer::Environment);
}

#[test]
fn migrate_needs_nothing_but_the_database() {
    let mut sources = Sources {
        env: rows(&[
            ("DATABASE_URL", "postgres://localhost/sync"),
            ("VENDURE_PASSWORD_FILE", "/does/not/exist"),
            ("VERACORE_TIMEOUT_SECONDS", "soon"),
        ]),
        ..Sources::default()
    };
    assert_eq!(load_database(&sources).unwrap().max_connections, 10);
    assert!(load_keyring(&sources).unwrap().sealing_key_id().is_none());
    sources.env.remove("DATABASE_URL");
    let error = load_database(&sources).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    // If the file cannot be read, it is unknown what is missing.
    sources.file = Some("/does/not/exist".into());
    let error = load_database(&sources).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert_eq!(error.problems[0].key, "--config");
}

#[test]
fn misspelled_variables_are_warned_about() {
    let config = config(&[
        ("VERACORE_TIMEOUT", "5"),
        ("SYNC_TIMEZON", "UTC"),
        ("VENDURE_API_URL_FILE", "/x"),
        ("VENDURE_PASWORD_FILE", "/x"),
        ("VENDURE_SUPERADMIN_PASSWORD", "x"),
        ("LOG_LEVL", "x"),
        ("PATH", "/bin"),
    ]);
    insta::assert_debug_snapshot!(config.warnings, @r#"
    [
        "SYNC_TIMEZON is ignored; did you mean SYNC_TIMEZONE?",
        "VENDURE_API_URL_FILE is ignored: VENDURE_API_URL cannot be read from a file",
        "VENDURE_PASWORD_FILE is ignored; did you mean VENDURE_PASSWORD_FILE?",
        "VERACORE_TIMEOUT is ignored; did you mean VERACORE_TIMEOUT_SECONDS?",
    ]
    "#);
}

#[test]
fn an_environment_that_is_not_utf8_is_named() {
    let sources = env(&[("VENDURE_PASSWORD", "hunter2\u{fffd}")]);
    insta::assert_snapshot!(error(&sources), @r"
    the configuration has a problem:
      VENDURE_PASSWORD: is not UTF-8 text. Example: VENDURE_PASSWORD=the-password
    ");
}
