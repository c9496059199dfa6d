//! The TOML layers: the built-in defaults and the user's file.
//!
//! Must not show a line of the user's file: it may hold a secret.

use std::{fs, path::Path};

use ::config::{FileFormat, Map, Source as _, Value};

use super::{
    keys,
    list::SETTINGS,
    nearest::closest_name,
    problem::Diagnostics,
    setting::{ConfigLayer, Provenance},
    sources::{LayerValues, Sources},
};
use crate::domain::text::one_line;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The lowest layer.
pub(super) fn default_layer(findings: &mut Diagnostics) -> LayerValues {
    let place = Provenance::from_layer(ConfigLayer::Default);
    parse_toml(DEFAULTS, "built-in defaults", &place, findings)
}

/// The layer of the file named by `--config` or `CONFIG_FILE`; empty when neither names one.
pub(super) fn file_layer(sources: &Sources, findings: &mut Diagnostics) -> LayerValues {
    let variable = sources.env.get("CONFIG_FILE");
    let named = variable.map(|path| path.trim()).filter(|p| !p.is_empty());
    let (name, path) = match (&sources.file, named) {
        (Some(path), _) => ("--config", path.as_path()),
        (None, Some(path)) => ("CONFIG_FILE", Path::new(path)),
        (None, None) => return LayerValues::default(),
    };
    let shown = one_line(&path.to_string_lossy(), 200);
    let failed = |findings: &mut Diagnostics, why: String| {
        let joint = if name == "--config" { " " } else { "=" };
        let example = format!("{name}{joint}/etc/veracore-sync.toml");
        findings.add_unreadable_layer(name, format!("{shown} cannot be read: {why}"), example);
        LayerValues::default()
    };
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let place = Provenance::from_named_source(ConfigLayer::File, shown.as_str());
            // Some editors begin a file with a byte order mark.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            parse_toml(text, &shown, &place, findings)
        }
        Ok(Err(_)) => failed(findings, "it is not UTF-8 text".into()),
        Err(error) => failed(findings, error.to_string()),
    }
}

/// The layer that this TOML text is.
pub(super) fn parse_toml(
    text: &str,
    shown: &str,
    place: &Provenance,
    findings: &mut Diagnostics,
) -> LayerValues {
    let mut layer = LayerValues::default();
    let entries = ::config::File::from_str(text, FileFormat::Toml).collect();
    let entries = entries.unwrap_or_else(|error| {
        let problem = format!("is not valid TOML: {}", toml_error_text(text, error));
        findings.add_unreadable_layer(shown, problem, "veracore_timeout_seconds = 30");
        Map::new()
    });
    let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        match SETTINGS.iter().find(|key| key.file_key() == name) {
            Some(key) => layer.insert(key.name, value.kind, place),
            None => add_unknown_key(&name, shown, findings),
        }
    }
    layer
}

fn add_unknown_key(name: &str, shown: &str, findings: &mut Diagnostics) {
    let names: Vec<String> = SETTINGS.iter().map(keys::SettingSpec::file_key).collect();
    let meant = closest_name(name, names.iter().map(String::as_str)).and_then(keys::find_setting);
    let hint = meant.map_or_else(String::new, |key| {
        format!("; did you mean {}?", key.file_key())
    });
    let example = meant.map_or_else(
        || "see config/default.toml for every key".to_owned(),
        keys::SettingSpec::file_example,
    );
    let problem = format!("is not a key of this file, {shown}{hint}");
    findings.add_problem(one_line(name, 60), problem, example);
}

/// What the parser says, without the line that it quotes.
fn toml_error_text(text: &str, error: ::config::ConfigError) -> String {
    let ::config::ConfigError::FileParse { cause, .. } = error else {
        return "it cannot be read".into();
    };
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        // A number that is out of range; the text is Rust's own.
        return one_line(&cause.to_string(), 120);
    };
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", one_line(error.message(), 120))
}
