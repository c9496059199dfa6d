//! What each setting is in the end and where that came from, for people to read.
//!
//! Must not hold a secret in the clear: values are masked when a [`Setting`] is made.

use std::fmt;

use ::config::{Value, ValueKind};
use serde::Serialize;

use super::{
    database,
    keys::{SettingKind, SettingSpec},
    plain::display_text,
    reader::SettingReader,
};

/// What stands for a secret that is set.
pub const MASK: &str = "********";

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    /// The variable's name, or `[table]`.
    pub key: String,
    /// The value as text, masked if it is a secret; a table as a JSON object. `None`: not set.
    pub value: Option<String>,
    #[serde(flatten)]
    pub provenance: Provenance,
    /// What it is for, on one line, in Markdown without links.
    pub meaning: &'static str,
}

impl EffectiveSetting {
    pub(super) fn from_reader(reader: &SettingReader, key: &'static SettingSpec) -> Self {
        let layered = reader.raw_value(key);
        let line = layered.and_then(|value| display_text(key.kind, &value.kind));
        let value = match key.name {
            "DATABASE_URL" => line.map(|url| database::masked_url(&url)),
            _ if key.is_secret() => line.map(|_| MASK.to_owned()),
            _ => line.or_else(|| reader.derived(key).map(str::to_owned)),
        };
        let (name, origin) = match (key.kind, layered.map(|value| &value.kind)) {
            // A merged table has no origin of its own, but its entries have: all the file's.
            (SettingKind::Table, Some(ValueKind::Table(entries))) => {
                (format!("[{}]", key.name), entries.values().next())
            }
            (SettingKind::Table, _) => (format!("[{}]", key.name), None),
            _ => (key.name.to_owned(), layered),
        };
        Self {
            key: name,
            value,
            provenance: Provenance::from_tag(origin.and_then(Value::origin)),
            meaning: key.meaning,
        }
    }
}

/// The layer that a value is from; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigLayer {
    Default,
    File,
    Database,
    Environment,
}

impl ConfigLayer {
    const ALL: [Self; 4] = [Self::Default, Self::File, Self::Database, Self::Environment];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Database => "database",
            Self::Environment => "environment",
        }
    }
}

/// Where exactly a value is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    pub origin: ConfigLayer,
    /// The file's path, or the variable that named a file with the value.
    pub source: Option<String>,
}

impl Provenance {
    pub(super) const fn from_layer(origin: ConfigLayer) -> Self {
        Self {
            origin,
            source: None,
        }
    }

    pub(super) fn from_named_source(origin: ConfigLayer, source: impl Into<String>) -> Self {
        Self {
            origin,
            source: Some(source.into()),
        }
    }

    /// As the layering crate carries it along with each value.
    pub(super) fn tag(&self) -> String {
        let source = self.source.as_deref().unwrap_or("");
        format!("{}:{source}", self.origin.as_str())
    }

    pub(super) fn from_tag(tag: Option<&str>) -> Self {
        let (layer, source) = tag.and_then(|t| t.split_once(':')).unwrap_or(("", ""));
        let origin = ConfigLayer::ALL.into_iter().find(|o| o.as_str() == layer);
        Self {
            origin: origin.unwrap_or(ConfigLayer::Default),
            source: (!source.is_empty()).then(|| source.to_owned()),
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => f.pad(&format!("{} {source}", self.origin.as_str())),
            None => f.pad(self.origin.as_str()),
        }
    }
}
