//! Writes XML in the format of .NET's serializer.

use std::fmt::Display;

use quick_xml::escape::partial_escape;

use super::tree::is_allowed;

/// A sequence of elements. Names are not escaped.
#[derive(Default)]
pub(super) struct Xml(String);

impl Xml {
    pub fn value(&mut self, name: &str, value: impl Display) {
        // Text received as JSON may contain characters that XML does not allow even escaped.
        let text: String = value
            .to_string()
            .chars()
            .map(|c| if is_allowed(c) { c } else { '?' })
            .collect();
        if text.is_empty() {
            self.0 += &format!("<{name} />");
        } else {
            let text = partial_escape(text.as_str()).replace('\r', "&#xD;");
            self.0 += &format!("<{name}>{text}</{name}>");
        }
    }

    /// Writes the same value for each name.
    pub fn all(&mut self, names: &[&str], value: impl Display) {
        for name in names {
            self.value(name, &value);
        }
    }

    /// Writes nothing for `None`.
    pub fn some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    pub fn group(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0 += &format!("<{name}>");
        let filled = self.0.len();
        fill(self);
        if self.0.len() == filled {
            self.0.truncate(start);
            self.0 += &format!("<{name} />");
        } else {
            self.0 += &format!("</{name}>");
        }
    }

    pub fn into_string(self) -> String {
        self.0
    }
}
