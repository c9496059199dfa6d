//! The origin of a value: a layer, and the file or variable in it.

use std::fmt;

use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

/// The layer that a value is from; later ones win.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum ConfigLayer {
    Default,
    File,
    Database,
    Environment,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    pub origin: ConfigLayer,
    /// The file's path, or the variable that named a file with the value.
    pub source: Option<String>,
}

impl Provenance {
    pub(super) const fn from_layer(origin: ConfigLayer) -> Self {
        let source = None;
        Self { origin, source }
    }

    pub(super) fn from_named_source(origin: ConfigLayer, source: impl Into<String>) -> Self {
        let source = Some(source.into());
        Self { origin, source }
    }

    /// The text that the layering crate keeps with each value.
    pub(super) fn tag(&self) -> String {
        let source = self.source.as_deref().unwrap_or("");
        format!("{}:{source}", self.origin.into_str())
    }

    pub(super) fn from_tag(tag: Option<&str>) -> Self {
        let (layer, source) = tag.and_then(|t| t.split_once(':')).unwrap_or(("", ""));
        Self {
            origin: layer.parse().unwrap_or(ConfigLayer::Default),
            source: (!source.is_empty()).then(|| source.to_owned()),
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.as_deref().unwrap_or_default();
        f.pad(format!("{} {source}", self.origin.into_str()).trim_end())
    }
}
