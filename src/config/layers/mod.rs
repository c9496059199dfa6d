//! The layers of the configuration: defaults, file, database, environment.
//!
//! Owns the only reading of the environment. Must not know what a value means, except for the two
//! settings whose default follows from another setting.

pub(super) mod environment;
pub(super) mod file;
pub(super) mod values;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use values::Values;

use super::{
    diagnostics::Diagnostics,
    provenance::{ConfigLayer, Provenance},
    spec::SettingSpec,
    table::{SYNC_TIMEZONE, VERACORE_API_STYLE, VERACORE_API_URL, VERACORE_TIMEZONE, find_setting},
    value_text::scalar_text,
};
use crate::domain::text::one_line;

/// Everything that a configuration is made from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The argument of `--config`. It wins over the variable `CONFIG_FILE`.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// The settings in `veracore_config`, by name in either case, secrets decrypted.
    pub stored: BTreeMap<String, String>,
    /// The stored secrets that could not be decrypted, with the reason.
    pub unsealable: BTreeMap<String, String>,
}

impl Sources {
    /// The variable that sets this setting, if one does.
    pub fn env_override(&self, setting: &SettingSpec) -> Option<String> {
        environment::overriding_variable(&self.env, setting)
    }

    /// The file that `--config` or else `CONFIG_FILE` names, and which of them.
    fn named_file(&self) -> Option<(&'static str, &Path)> {
        if let Some(path) = &self.file {
            return Some(("--config", path));
        }
        let path = self.env.get("CONFIG_FILE")?.trim();
        (!path.is_empty()).then(|| ("CONFIG_FILE", Path::new(path)))
    }

    /// The process's environment, without the stored settings.
    ///
    /// A value that is not UTF-8 has replacement characters, which [`super::load`] reports if the
    /// variable is a setting.
    pub fn from_environment(file: Option<PathBuf>) -> Self {
        // `vars` would panic at a foreign variable that is not UTF-8.
        let env = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self {
            file,
            env,
            ..Self::default()
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Reads the layers and merges them. Each value knows the layer that it is from.
pub(super) fn merge(sources: &Sources) -> (Values, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let builder = ::config::Config::builder()
        .add_source(file::default_layer(&mut diagnostics))
        .add_source(file::file_layer(sources.named_file(), &mut diagnostics))
        .add_source(stored_layer(&sources.stored, &mut diagnostics))
        .add_source(environment::environment_layer(
            &sources.env,
            &mut diagnostics,
        ));
    for (name, reason) in &sources.unsealable {
        // A stored value does not matter if the environment overrides it.
        if let Some(setting) = find_setting(name)
            && sources.env_override(setting).is_none()
        {
            diagnostics.add_invalid(setting, reason.clone());
        }
    }
    let merged = builder.build().and_then(|config| config.cache.into_table());
    let mut values = Values::new(merged.unwrap_or_else(|_| {
        let (problem, example) = ("the layers cannot be merged", "see config/default.toml");
        diagnostics.add(None, "configuration", problem, example);
        ::config::Map::new()
    }));
    derive(&mut values);
    (values, diagnostics)
}

fn stored_layer(rows: &BTreeMap<String, String>, diagnostics: &mut Diagnostics) -> Values {
    let mut layer = Values::default();
    for (name, value) in rows {
        // Another version of this program may have stored it, which must not keep this one from
        // starting.
        let problem = match find_setting(name) {
            Some(setting) if setting.is_storable() => {
                let place = Provenance::from_layer(ConfigLayer::Database);
                layer.insert(setting, value.as_str(), &place);
                continue;
            }
            Some(_) => "it cannot be stored in the database",
            None => "there is no such setting",
        };
        let name = find_setting(name).map_or_else(|| one_line(name, 60), |s| s.name.to_owned());
        let warning = format!("{name} in veracore_config is ignored: {problem}");
        diagnostics.warnings.push(warning);
    }
    layer
}

/// Sets the settings whose default follows from another setting.
fn derive(values: &mut Values) {
    let place = Provenance::from_layer(ConfigLayer::Default);
    if values.raw(&VERACORE_API_STYLE.spec).is_none() {
        // Also of an invalid URL, so that the style's requirements are reported along with it.
        let url = values.raw(&VERACORE_API_URL.spec);
        let url = url.and_then(|value| scalar_text(&value.kind));
        let url = url.unwrap_or_default().to_ascii_lowercase();
        let path = url.split(['?', '#']).next().unwrap_or_default().trim();
        let is_oms = path.trim_end_matches('/').ends_with(".asmx");
        let style = if is_oms { "oms" } else { "rest" };
        values.insert(&VERACORE_API_STYLE.spec, style, &place);
    }
    if values.raw(&VERACORE_TIMEZONE.spec).is_none()
        && let Some(zone) = values.get(&SYNC_TIMEZONE)
    {
        values.insert(&VERACORE_TIMEZONE.spec, zone.name(), &place);
    }
}
