//! XML out, as .NET's serializer writes it.
//!
//! Owns escaping. Must not know any element's name.

use std::fmt::Display;

use quick_xml::escape::partial_escape;

use super::tree::is_allowed;

/// Elements, one after the other. Names are the caller's own and need no escaping.
#[derive(Default)]
pub(super) struct Xml(String);

impl Xml {
    pub fn value(&mut self, name: &str, value: impl Display) {
        // What came in as JSON may hold characters that XML cannot carry in any way.
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

    /// Each of these with one value.
    pub fn all(&mut self, names: &[&str], value: impl Display) {
        for name in names {
            self.value(name, &value);
        }
    }

    /// A string that is null is left out.
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
