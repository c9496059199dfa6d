//! The TOML layers: the built-in defaults and the user's file.
//!
//! Must not show a line of the user's file: it may contain a secret.

use std::{fs, path::Path};

use ::config::{FileFormat, Map, Source as _, Value};

use super::values::Values;
use crate::{
    config::{
        closest::closest_name,
        diagnostics::Diagnostics,
        provenance::{ConfigLayer, Provenance},
        spec::SettingSpec,
        table::{SETTINGS, find_setting},
    },
    domain::text::one_line,
};

const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The lowest layer.
pub fn default_layer(diagnostics: &mut Diagnostics) -> Values {
    let place = Provenance::from_layer(ConfigLayer::Default);
    parse_toml(DEFAULTS, "built-in defaults", &place, diagnostics)
}

/// The layer of the file, which the argument or variable of this name names.
pub(super) fn file_layer(named: Option<(&str, &Path)>, diagnostics: &mut Diagnostics) -> Values {
    let Some((name, path)) = named else {
        return Values::default();
    };
    let shown = one_line(&path.to_string_lossy(), 200);
    let failed = |diagnostics: &mut Diagnostics, reason: String| {
        let separator = if name == "--config" { " " } else { "=" };
        let example = format!("{name}{separator}/etc/veracore-sync.toml");
        diagnostics.has_unreadable_layer = true;
        diagnostics.add(
            None,
            name,
            format!("{shown} cannot be read: {reason}"),
            example,
        );
        Values::default()
    };
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let place = Provenance::from_named_source(ConfigLayer::File, shown.as_str());
            // Some editors write a byte order mark.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            parse_toml(text, &shown, &place, diagnostics)
        }
        Ok(Err(_)) => failed(diagnostics, "it is not UTF-8 text".into()),
        Err(error) => failed(diagnostics, error.to_string()),
    }
}

fn parse_toml(
    text: &str,
    shown: &str,
    place: &Provenance,
    diagnostics: &mut Diagnostics,
) -> Values {
    let mut layer = Values::default();
    let entries = ::config::File::from_str(text, FileFormat::Toml).collect();
    let entries = entries.unwrap_or_else(|error| {
        let problem = format!("is not valid TOML: {}", toml_error_text(text, error));
        diagnostics.has_unreadable_layer = true;
        diagnostics.add(None, shown, problem, "veracore_timeout_seconds = 30");
        Map::new()
    });
    let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        match SETTINGS.iter().find(|setting| setting.file_key() == name) {
            Some(setting) => layer.insert(setting, value.kind, place),
            None => add_unknown_key(&name, shown, diagnostics),
        }
    }
    layer
}

fn add_unknown_key(name: &str, shown: &str, diagnostics: &mut Diagnostics) {
    let keys: Vec<String> = SETTINGS.iter().map(|setting| setting.file_key()).collect();
    let meant = closest_name(name, keys.iter().map(String::as_str)).and_then(find_setting);
    let hint = meant.map_or_else(String::new, |setting| {
        format!("; did you mean {}?", setting.file_key())
    });
    let example = meant.map_or_else(
        || "see config/default.toml for every key".to_owned(),
        SettingSpec::file_example,
    );
    let problem = format!("is not a key of this file, {shown}{hint}");
    diagnostics.add(find_setting(name), one_line(name, 60), problem, example);
}

/// The parser's message, without the line that it quotes.
fn toml_error_text(text: &str, error: ::config::ConfigError) -> String {
    let ::config::ConfigError::FileParse { cause, .. } = error else {
        return "it cannot be read".into();
    };
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        // A number that is out of range; the text comes from Rust's library.
        return one_line(&cause.to_string(), 120);
    };
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", one_line(error.message(), 120))
}
