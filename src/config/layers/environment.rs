//! The layer of the environment: variables, the files that `<name>_FILE` variables name, and
//! warnings about misspelled names.

use std::{collections::BTreeMap, fs, io::Read as _};

use super::values::Values;
use crate::{
    config::{
        closest::closest_name,
        diagnostics::Diagnostics,
        provenance::{ConfigLayer, Provenance},
        spec::SettingSpec,
        table::SETTINGS,
    },
    domain::text::one_line,
};

/// Only such names are checked for misspellings: most variables belong to other programs.
const OWN_PREFIXES: [&str; 5] = [
    "VERACORE_",
    "VENDURE_",
    "ORDER_SYNC_",
    "SYNC_",
    "INVENTORY_",
];

pub fn environment_layer(env: &BTreeMap<String, String>, diagnostics: &mut Diagnostics) -> Values {
    let mut layer = Values::default();
    let own = Provenance::from_layer(ConfigLayer::Environment);
    for setting in variables() {
        let value = non_empty_variable(env, setting.name);
        let file = setting
            .file_variable()
            .and_then(|name| non_empty_variable(env, &name).map(|path| (name, path)));
        match (value, file) {
            (None, None) => {}
            (Some(_), Some((name, _))) => diagnostics.add_invalid(
                setting,
                format!("is set together with {name}; set only one of them"),
            ),
            (Some(value), None) if value.contains(char::REPLACEMENT_CHARACTER) => {
                diagnostics.add_invalid(setting, "is not UTF-8 text");
            }
            (Some(value), None) => layer.insert(setting, value, &own),
            (None, Some((name, path))) => match read_secret_file(path) {
                Ok(value) => {
                    let place = Provenance::from_named_source(ConfigLayer::Environment, name);
                    layer.insert(setting, value, &place);
                }
                Err(problem) => diagnostics.add_invalid_file(setting, problem),
            },
        }
    }
    warn_unknown_variables(env, diagnostics);
    layer
}

/// The settings that are variables.
fn variables() -> impl Iterator<Item = &'static SettingSpec> {
    let settings = SETTINGS.iter().copied();
    settings.filter(|setting| !setting.is_table())
}

/// The variable that sets this setting: its own or the one that names a file.
pub fn overriding_variable(
    env: &BTreeMap<String, String>,
    setting: &SettingSpec,
) -> Option<String> {
    let own = (!setting.is_table()).then(|| setting.name.to_owned());
    let mut names = own.into_iter().chain(setting.file_variable());
    names.find(|name| non_empty_variable(env, name).is_some())
}

/// A variable's value; an empty one counts as not set.
fn non_empty_variable<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name)
        .map(String::as_str)
        .filter(|value| !value.trim().is_empty())
}

const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The file's text without the newline that editors and `echo` put at its end.
fn read_secret_file(path: &str) -> Result<String, String> {
    let path = path.trim();
    // A secret that was put into the variable by mistake must not appear in a log.
    let looks_like_path = ["/", "./", "../"].iter().any(|p| path.starts_with(p));
    let shown = if looks_like_path {
        one_line(path, 200)
    } else {
        "a file (not shown: it is not an absolute path and may be the secret itself)".to_owned()
    };
    let cannot = |error: std::io::Error| format!("names {shown}, which cannot be read: {error}");
    let mut bytes = Vec::new();
    // A device such as /dev/zero never ends.
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

fn warn_unknown_variables(env: &BTreeMap<String, String>, diagnostics: &mut Diagnostics) {
    let files: Vec<String> = variables().filter_map(SettingSpec::file_variable).collect();
    let known: Vec<&str> = variables()
        .map(|setting| setting.name)
        .chain(files.iter().map(String::as_str))
        .collect();
    let unknown = env.keys().filter(|name| {
        OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && !known.contains(&name.as_str())
    });
    for name in unknown {
        let plain = name.strip_suffix("_FILE");
        let reason = if let Some(plain) = plain.filter(|plain| known.contains(plain)) {
            format!(": {plain} cannot be read from a file")
        } else if let Some(meant) = closest_name(name, known.iter().copied()) {
            format!("; did you mean {meant}?")
        } else {
            continue;
        };
        diagnostics
            .warnings
            .push(format!("{name} is ignored{reason}"));
    }
}
