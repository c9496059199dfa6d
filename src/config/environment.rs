//! The layer of the environment: variables, the files that `<name>_FILE` variables name, and
//! names that look like slips.

use std::{collections::BTreeMap, fs, io::Read as _};

use super::{
    keys::{Form, Key},
    list::KEYS,
    nearest::nearest,
    problem::Findings,
    setting::{Origin, Place},
    sources::Layer,
};
use crate::domain::text::one_line;

/// Only names that begin so are looked at for slips: the environment is full of strangers.
const OURS: [&str; 5] = [
    "VERACORE_",
    "VENDURE_",
    "ORDER_SYNC_",
    "SYNC_",
    "INVENTORY_",
];

pub(super) fn read(env: &BTreeMap<String, String>, findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    for key in KEYS.iter().filter(|key| key.form != Form::Table) {
        let value = set(env, key.name);
        let file = key
            .file_variable()
            .and_then(|name| set(env, &name).map(|path| (name, path)));
        match (value, file) {
            (None, None) => {}
            (Some(_), Some((name, _))) => findings.bad(
                key,
                format!("is given together with {name}; only one of the two may be"),
            ),
            (Some(value), None) if value.contains(char::REPLACEMENT_CHARACTER) => {
                findings.bad(key, "is not UTF-8 text");
            }
            (Some(value), None) => layer.set(key.name, value, &Place::of(Origin::Environment)),
            (None, Some((name, path))) => match read_file(path) {
                Ok(value) => layer.set(key.name, value, &Place::at(Origin::Environment, name)),
                Err(problem) => findings.bad_file(key, problem),
            },
        }
    }
    warn_of_slips(env, findings);
    layer
}

/// The variable that sets this setting: its own or the one that names a file.
pub(super) fn setter(env: &BTreeMap<String, String>, key: &Key) -> Option<String> {
    if key.form == Form::Table {
        return None;
    }
    let names = [Some(key.name.to_owned()), key.file_variable()];
    names
        .into_iter()
        .flatten()
        .find(|name| set(env, name).is_some())
}

/// A variable's value; an empty one counts as not set.
fn set<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name)
        .map(String::as_str)
        .filter(|value| !value.trim().is_empty())
}

/// No secret is as long.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The file's text without the newline that editors and `echo` put at its end.
fn read_file(path: &str) -> Result<String, String> {
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
    file.take(LARGEST_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_SECRET {
        return Err(format!(
            "names {shown}, which is larger than {LARGEST_SECRET} bytes"
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

fn warn_of_slips(env: &BTreeMap<String, String>, findings: &mut Findings) {
    let file_variables: Vec<String> = KEYS.iter().filter_map(Key::file_variable).collect();
    let variables: Vec<&str> = KEYS
        .iter()
        .filter(|key| key.form != Form::Table)
        .map(|key| key.name)
        .chain(file_variables.iter().map(String::as_str))
        .collect();
    let strangers = env.keys().filter(|name| {
        OURS.iter().any(|prefix| name.starts_with(prefix)) && !variables.contains(&name.as_str())
    });
    for name in strangers {
        let plain = name.strip_suffix("_FILE");
        if let Some(plain) = plain.filter(|plain| variables.contains(plain)) {
            findings.warn(format!(
                "{name} is ignored: {plain} cannot be given as a file"
            ));
        } else if let Some(meant) = nearest(name, variables.iter().copied()) {
            findings.warn(format!("{name} is ignored; did you mean {meant}?"));
        }
    }
}
