//! Where values come from, and their layering: defaults, file, database, environment.
//!
//! Owns the only reading of the environment. Must not know what a value means.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use ::config::{Map, Value, ValueKind};

use super::{
    environment, file, keys,
    problem::Findings,
    setting::{Origin, Place},
};

/// Everything that a configuration is made from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The argument of `--config`. It wins over the variable `CONFIG_FILE`.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// What `veracore_config` holds, by variable name in either case, secrets unsealed.
    pub database: BTreeMap<String, String>,
    /// What it holds and could not be unsealed, with the reason.
    pub unreadable: BTreeMap<String, String>,
}

impl Sources {
    /// The variable of the environment that sets this setting, if one does.
    #[must_use]
    pub fn fixed_by(&self, key: &keys::Key) -> Option<String> {
        environment::setter(&self.env, key)
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
            database: BTreeMap::new(),
            unreadable: BTreeMap::new(),
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
pub(super) struct Layered {
    pub(super) values: Map<String, Value>,
    pub(super) findings: Findings,
}

/// Reads the layers and lays them over each other.
pub(super) fn layer(sources: &Sources) -> Layered {
    let mut findings = Findings::default();
    let builder = ::config::Config::builder()
        .add_source(file::defaults(&mut findings))
        .add_source(file::read(sources, &mut findings))
        .add_source(database(&sources.database, &mut findings))
        .add_source(environment::read(&sources.env, &mut findings));
    for (name, why) in &sources.unreadable {
        // What the environment sets is not looked for in the database.
        if let Some(key) = keys::find(name)
            && sources.fixed_by(key).is_none()
        {
            findings.bad(key, why.clone());
        }
    }
    // Layers hold their values already, so nothing can fail here but the crate itself.
    let values = builder.build().and_then(|config| config.cache.into_table());
    let values = values.unwrap_or_else(|_| {
        findings.problem(
            "configuration",
            "its layers do not fit together",
            "see config/default.toml",
        );
        Map::new()
    });
    Layered { values, findings }
}

fn database(rows: &BTreeMap<String, String>, findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in rows {
        match keys::find(name) {
            Some(key) if key.is_storable() => {
                layer.set(key.name, value.as_str(), &Place::of(Origin::Database));
            }
            // The row may have been written by another version of this program, which must not
            // keep this one from starting.
            Some(key) => findings.warn(format!(
                "{} in veracore_config is ignored: it cannot be kept in the database",
                key.name
            )),
            None => findings.warn(format!(
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
pub(super) struct Layer(Map<String, Value>);

impl Layer {
    /// Takes a value; an empty one counts as not set, so that the layers below keep their say.
    pub(super) fn set(&mut self, name: &str, value: impl Into<ValueKind>, place: &Place) {
        let value = value.into();
        let empty = match &value {
            ValueKind::Nil => true,
            ValueKind::String(text) => text.trim().is_empty(),
            ValueKind::Array(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            let value = tagged(value, &place.tag());
            self.0.insert(name.to_ascii_lowercase(), value);
        }
    }
}

/// The value with its place written on it and on everything in it.
fn tagged(kind: ValueKind, tag: &String) -> Value {
    let kind = match kind {
        ValueKind::Table(entries) => ValueKind::Table(
            entries
                .into_iter()
                .map(|(key, value)| (key, tagged(value.kind, tag)))
                .collect(),
        ),
        other => other,
    };
    Value::new(Some(tag), kind)
}

impl Layer {
    /// What this layer sets it to.
    pub(super) fn get(&self, key: &keys::Key) -> Option<&ValueKind> {
        self.0.get(&key.in_file()).map(|value| &value.kind)
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl ::config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn ::config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}
