//! Settings of any kind: every problem is one line with its setting, and without a secret.

use proptest::prelude::*;

use super::*;
use crate::config::SETTINGS;
use crate::fuzz_tests::{assert_one_line, mutated_text};

/// Part of every secret that is tried.
const MARK: &str = "qx7-mark";

fn try_all(sources: &Sources, secret: bool) {
    match load(sources) {
        Ok(config) => {
            for setting in &config.settings {
                let shown = serde_json::to_string(setting).unwrap();
                assert!(!secret || !shown.contains(MARK), "{shown}");
            }
        }
        Err(error) => {
            for line in error.to_string().lines() {
                assert_one_line(line);
            }
            let lines = error.to_string().lines().count();
            assert_eq!(lines, 1 + error.problems.len() + error.warnings.len());
            assert!(!secret || !error.to_string().contains(MARK), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn values_of_any_kind_are_accepted_or_reported(
        which in 0..SETTINGS.len(),
        value in mutated_text(&[
            "30", "-1", "1e9", "true", "https://v.example/api", "http://[::1]:3000/x?y#z",
            "postgres://me:pw@localhost:5432/sync?sslmode=require", "09:00-19:00", "Mon-Fri,Sun",
            "America/New_York", "02:00", "A-*,[a-z]{x,y}?,**", "127.0.0.1:8080", "info,sqlx=debug",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ]),
    ) {
        let key = SETTINGS[which];
        // Only the password in the database's URL is secret.
        let secret = key.is_secret() && key.name != "DATABASE_URL";
        let value = if secret { format!("{value}{MARK}") } else { value };
        // No environment contains such a value.
        if !value.contains('\0') {
            try_all(&env(&[(key.name, &value)]), secret);
        }
        let mut sources = env_without(key.name, &[]);
        sources.stored = rows(&[(key.name, &value)]);
        try_all(&sources, secret);
    }

    /// A valid URL may contain the mark elsewhere; an invalid one is not repeated.
    #[test]
    fn an_invalid_database_url_is_not_repeated(value in mutated_text(&[
        "postgres://me:qx7-mark@localhost:5432/sync?sslmode=require",
        "postgresql://%20:qx7-mark@[::1]:5432/sync",
    ])) {
        if let Err(error) = load(&env(&[("DATABASE_URL", &value)])) {
            prop_assert!(!error.to_string().contains(MARK), "{}", error);
        }
    }

    #[test]
    fn files_of_any_kind_are_accepted_or_reported(text in mutated_text(&[
        "veracore_timeout_seconds = 30\norder_skip_skus = [\"A\", \"B-*\"]\n[skus]\n\"A\" = \"1\"\n",
        "veracore_client_secret = \"qx7-mark\"\nvendure_password = 'qx7-mark'\n[safety_stock]\n\"A\" = 5\n",
        "[shipping_methods]\nstandard = \"UPS\"\n[warehouses]\n\"EAST\" = \"Main\"\n",
    ])) {
        let folder = Folder::new();
        let mut sources = env(&[]);
        sources.file = Some(folder.file("c.toml", text));
        try_all(&sources, true);
    }
}
