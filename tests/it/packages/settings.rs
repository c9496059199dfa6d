//! The example environment file.

use std::collections::BTreeMap;

use veracore_sync::config::{self, SETTINGS, Sources};

use super::{is_setting, pairs, text};

const EXAMPLE: &str = "deploy/veracore-sync.env.example";

/// The secrets, which are not in the example file.
const SECRETS: [(&str, &str); 3] = [
    ("DATABASE_URL", "postgres://me:secret@localhost/sync"),
    ("VERACORE_CLIENT_SECRET", "secret"),
    ("VENDURE_PASSWORD", "secret"),
];

/// The example with its commented lines enabled.
fn in_full() -> BTreeMap<String, String> {
    let lines: Vec<String> = text(EXAMPLE)
        .lines()
        .map(|line| {
            let plain = line.strip_prefix('#').unwrap_or(line);
            let name = plain.split('=').next().unwrap_or_default();
            let is_pair = plain.contains('=')
                && name
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
            if is_pair { plain } else { line }.to_owned()
        })
        .collect();
    pairs(&lines.join("\n"))
}

fn problems(mut env: BTreeMap<String, String>) -> String {
    // Its file does not exist on this machine.
    env.remove("CONFIG_FILE");
    env.extend(SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let sources = Sources {
        env,
        ..Sources::default()
    };
    match config::load(&sources) {
        Ok(config) => config.warnings.join("\n"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_example_is_valid_as_it_is_and_with_all_lines_enabled() {
    let plain = pairs(&text(EXAMPLE));
    let full = in_full();
    assert!(full.len() > plain.len() + 10, "{full:?}");
    for name in full.keys() {
        assert!(is_setting(name), "{name} is not a setting");
        let secret = SETTINGS
            .iter()
            .any(|key| key.name == name && key.is_secret());
        assert!(!secret, "{name} is a secret and does not belong there");
    }
    assert_eq!(problems(plain), "");
    assert_eq!(problems(full), "");
}

/// systemd, Docker, compose and pm2 parse quotes, spaces and special characters differently.
#[test]
fn the_example_means_the_same_to_all_its_readers() {
    for (name, value) in in_full() {
        let strange = |c: char| matches!(c, '"' | '\'' | '\\' | '$' | '`' | '#');
        assert!(!value.contains(strange), "{name}={value}");
        assert_eq!(value.trim(), value, "{name}");
        assert_eq!(name.trim(), name);
    }
}
