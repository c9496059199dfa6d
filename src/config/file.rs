//! The TOML layers: the built-in defaults and the user's file.
//!
//! Must not show a line of the user's file: it may hold a secret.

use std::{fs, path::Path};

use ::config::{FileFormat, Map, Source as _, Value};

use super::{
    keys,
    list::KEYS,
    nearest::nearest,
    problem::Findings,
    setting::{Origin, Place},
    sources::{Layer, Sources},
};
use crate::domain::text::one_line;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The lowest layer.
pub(super) fn defaults(findings: &mut Findings) -> Layer {
    let place = Place::of(Origin::Default);
    parse(DEFAULTS, "built-in defaults", &place, findings)
}

/// The layer of the file named by `--config` or `CONFIG_FILE`; empty when neither names one.
pub(super) fn read(sources: &Sources, findings: &mut Findings) -> Layer {
    let variable = sources.env.get("CONFIG_FILE");
    let named = variable.map(|path| path.trim()).filter(|p| !p.is_empty());
    let (name, path) = match (&sources.file, named) {
        (Some(path), _) => ("--config", path.as_path()),
        (None, Some(path)) => ("CONFIG_FILE", Path::new(path)),
        (None, None) => return Layer::default(),
    };
    let shown = one_line(&path.to_string_lossy(), 200);
    let failed = |findings: &mut Findings, why: String| {
        let joint = if name == "--config" { " " } else { "=" };
        let example = format!("{name}{joint}/etc/veracore-sync.toml");
        findings.lost_layer(name, format!("{shown} cannot be read: {why}"), example);
        Layer::default()
    };
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let place = Place::at(Origin::File, shown.as_str());
            // Some editors begin a file with a byte order mark.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            parse(text, &shown, &place, findings)
        }
        Ok(Err(_)) => failed(findings, "it is not UTF-8 text".into()),
        Err(error) => failed(findings, error.to_string()),
    }
}

/// The layer that this TOML text is.
pub(super) fn parse(text: &str, shown: &str, place: &Place, findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    let entries = ::config::File::from_str(text, FileFormat::Toml).collect();
    let entries = entries.unwrap_or_else(|error| {
        let problem = format!("is not valid TOML: {}", explain(text, error));
        findings.lost_layer(shown, problem, "veracore_timeout_seconds = 30");
        Map::new()
    });
    let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        match KEYS.iter().find(|key| key.in_file() == name) {
            Some(key) => layer.set(key.name, value.kind, place),
            None => unknown(&name, shown, findings),
        }
    }
    layer
}

fn unknown(name: &str, shown: &str, findings: &mut Findings) {
    let names: Vec<String> = KEYS.iter().map(keys::Key::in_file).collect();
    let meant = nearest(name, names.iter().map(String::as_str)).and_then(keys::find);
    let hint = meant.map_or_else(String::new, |key| {
        format!("; did you mean {}?", key.in_file())
    });
    let example = meant.map_or_else(
        || "see config/default.toml for every key".to_owned(),
        keys::Key::sample_in_file,
    );
    let problem = format!("is not a key of this file, {shown}{hint}");
    findings.problem(one_line(name, 60), problem, example);
}

/// What the parser says, without the line that it quotes.
fn explain(text: &str, error: ::config::ConfigError) -> String {
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
