//! The layer of the environment: variables, the files that `<name>_FILE` variables name, and
//! names that look like slips.

use std::{collections::BTreeMap, fs, io::Read as _};

use super::{
    keys::{SettingKind, SettingSpec},
    list::SETTINGS,
    nearest::closest_name,
    problem::Diagnostics,
    setting::{ConfigLayer, Provenance},
    sources::LayerValues,
};
use crate::domain::text::one_line;

/// Only names that begin so are looked at for slips: the environment is full of strangers.
const OWN_PREFIXES: [&str; 5] = [
    "VERACORE_",
    "VENDURE_",
    "ORDER_SYNC_",
    "SYNC_",
    "INVENTORY_",
];

pub(super) fn environment_layer(
    env: &BTreeMap<String, String>,
    findings: &mut Diagnostics,
) -> LayerValues {
    let mut layer = LayerValues::default();
    for key in SETTINGS.iter().filter(|key| key.kind != SettingKind::Table) {
        let value = non_empty_variable(env, key.name);
        let file = key
            .file_variable()
            .and_then(|name| non_empty_variable(env, &name).map(|path| (name, path)));
        match (value, file) {
            (None, None) => {}
            (Some(_), Some((name, _))) => findings.add_invalid(
                key,
                format!("is given together with {name}; only one of the two may be"),
            ),
            (Some(value), None) if value.contains(char::REPLACEMENT_CHARACTER) => {
                findings.add_invalid(key, "is not UTF-8 text");
            }
            (Some(value), None) => layer.insert(
                key.name,
                value,
                &Provenance::from_layer(ConfigLayer::Environment),
            ),
            (None, Some((name, path))) => match read_secret_file(path) {
                Ok(value) => layer.insert(
                    key.name,
                    value,
                    &Provenance::from_named_source(ConfigLayer::Environment, name),
                ),
                Err(problem) => findings.add_invalid_file(key, problem),
            },
        }
    }
    warn_unknown_variables(env, findings);
    layer
}

/// The variable that sets this setting: its own or the one that names a file.
pub(super) fn overriding_variable(
    env: &BTreeMap<String, String>,
    key: &SettingSpec,
) -> Option<String> {
    if key.kind == SettingKind::Table {
        return None;
    }
    let names = [Some(key.name.to_owned()), key.file_variable()];
    names
        .into_iter()
        .flatten()
        .find(|name| non_empty_variable(env, name).is_some())
}

/// A variable's value; an empty one counts as not set.
fn non_empty_variable<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name)
        .map(String::as_str)
        .filter(|value| !value.trim().is_empty())
}

/// No secret is as long.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The file's text without the newline that editors and `echo` put at its end.
fn read_secret_file(path: &str) -> Result<String, String> {
    let path = path.trim();
    // Whoever puts the secret itself into the variable must not find it in a log.
    let looks_like_path = ["/", "./", "../"].iter().any(|p| path.starts_with(p));
    let shown = if looks_like_path {
        one_line(path, 200)
    } else {
        "a file (not shown: it is not an absolute path and may be the secret itself)".to_owned()
    };
    let cannot = |error: std::io::Error| format!("names {shown}, which cannot be read: {error}");
    let mut bytes = Vec::new();
    // Bounded: a device never ends.
    let file = fs::File::open(path).map_err(cannot)?;
    file.take(MAX_SECRET_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!(
            "names {shown}, which is larger than {MAX_SECRET_BYTES} bytes"
        ));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| format!("names {shown}, which is not UTF-8 text"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(format!("names {shown}, which is empty"));
    }
    Ok(text.to_owned())
}

fn warn_unknown_variables(env: &BTreeMap<String, String>, findings: &mut Diagnostics) {
    let file_variables: Vec<String> = SETTINGS
        .iter()
        .filter_map(SettingSpec::file_variable)
        .collect();
    let variables: Vec<&str> = SETTINGS
        .iter()
        .filter(|key| key.kind != SettingKind::Table)
        .map(|key| key.name)
        .chain(file_variables.iter().map(String::as_str))
        .collect();
    let strangers = env.keys().filter(|name| {
        OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && !variables.contains(&name.as_str())
    });
    for name in strangers {
        let plain = name.strip_suffix("_FILE");
        if let Some(plain) = plain.filter(|plain| variables.contains(plain)) {
            findings.add_warning(format!(
                "{name} is ignored: {plain} cannot be given as a file"
            ));
        } else if let Some(meant) = closest_name(name, variables.iter().copied()) {
            findings.add_warning(format!("{name} is ignored; did you mean {meant}?"));
        }
    }
}
