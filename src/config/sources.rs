//! Where values come from, and their layering: defaults, file, database, environment.
//!
//! Owns the only reading of the environment. Must not know what a value means.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use ::config::{Map, Value, ValueKind};

use super::{
    environment, file, keys,
    problem::Diagnostics,
    setting::{ConfigLayer, Provenance},
};

/// Everything that a configuration is made from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The argument of `--config`. It wins over the variable `CONFIG_FILE`.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// What `veracore_config` holds, by variable name in either case, secrets unsealed.
    pub stored: BTreeMap<String, String>,
    /// What it holds and could not be unsealed, with the reason.
    pub unsealable: BTreeMap<String, String>,
}

impl Sources {
    /// The variable of the environment that sets this setting, if one does.
    #[must_use]
    pub fn env_override(&self, key: &keys::SettingSpec) -> Option<String> {
        environment::overriding_variable(&self.env, key)
    }

    /// The process's environment, with nothing of the database yet.
    ///
    /// A value that is not UTF-8 is taken with replacement characters, which [`super::load`]
    /// reports when the variable is ours.
    #[must_use]
    pub fn from_environment(file: Option<PathBuf>) -> Self {
        // `vars_os`, since `vars` panics at a foreign variable that is not UTF-8.
        let env = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self {
            file,
            env,
            stored: BTreeMap::new(),
            unsealable: BTreeMap::new(),
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

/// The layers laid over each other: each setting's value, which knows the layer it is from.
pub(super) struct MergedLayers {
    pub(super) values: Map<String, Value>,
    pub(super) diagnostics: Diagnostics,
}

/// Reads the layers and lays them over each other.
pub(super) fn merge_layers(sources: &Sources) -> MergedLayers {
    let mut findings = Diagnostics::default();
    let builder = ::config::Config::builder()
        .add_source(file::default_layer(&mut findings))
        .add_source(file::file_layer(sources, &mut findings))
        .add_source(stored_layer(&sources.stored, &mut findings))
        .add_source(environment::environment_layer(&sources.env, &mut findings));
    for (name, why) in &sources.unsealable {
        // What the environment sets is not looked for in the database.
        if let Some(key) = keys::find_setting(name)
            && sources.env_override(key).is_none()
        {
            findings.add_invalid(key, why.clone());
        }
    }
    // Layers hold their values already, so nothing can fail here but the crate itself.
    let values = builder.build().and_then(|config| config.cache.into_table());
    let values = values.unwrap_or_else(|_| {
        findings.add_problem(
            "configuration",
            "its layers do not fit together",
            "see config/default.toml",
        );
        Map::new()
    });
    MergedLayers {
        values,
        diagnostics: findings,
    }
}

fn stored_layer(rows: &BTreeMap<String, String>, findings: &mut Diagnostics) -> LayerValues {
    let mut layer = LayerValues::default();
    for (name, value) in rows {
        match keys::find_setting(name) {
            Some(key) if key.is_storable() => {
                layer.insert(
                    key.name,
                    value.as_str(),
                    &Provenance::from_layer(ConfigLayer::Database),
                );
            }
            // The row may have been written by another version of this program, which must not
            // keep this one from starting.
            Some(key) => findings.add_warning(format!(
                "{} in veracore_config is ignored: it cannot be kept in the database",
                key.name
            )),
            None => findings.add_warning(format!(
                "{} in veracore_config is ignored: there is no such setting",
                crate::domain::text::one_line(name, 60)
            )),
        }
    }
    layer
}

/// One layer. Holds known settings only, under their names in a file: the layering crate takes a
/// key apart at dots and brackets, which a stranger's key might hold.
#[derive(Clone, Default)]
pub(super) struct LayerValues(Map<String, Value>);

impl LayerValues {
    /// Takes a value; an empty one counts as not set, so that the layers below keep their say.
    pub(super) fn insert(&mut self, name: &str, value: impl Into<ValueKind>, place: &Provenance) {
        let value = value.into();
        let empty = match &value {
            ValueKind::Nil => true,
            ValueKind::String(text) => text.trim().is_empty(),
            ValueKind::Array(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            let value = with_tag(value, &place.tag());
            self.0.insert(name.to_ascii_lowercase(), value);
        }
    }
}

/// The value with its place written on it and on everything in it.
fn with_tag(kind: ValueKind, tag: &String) -> Value {
    let kind = match kind {
        ValueKind::Table(entries) => ValueKind::Table(
            entries
                .into_iter()
                .map(|(key, value)| (key, with_tag(value.kind, tag)))
                .collect(),
        ),
        other => other,
    };
    Value::new(Some(tag), kind)
}

impl LayerValues {
    /// What this layer sets it to.
    pub(super) fn get(&self, key: &keys::SettingSpec) -> Option<&ValueKind> {
        self.0.get(&key.file_key()).map(|value| &value.kind)
    }
}

impl fmt::Debug for LayerValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl ::config::Source for LayerValues {
    fn clone_into_box(&self) -> Box<dyn ::config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}
