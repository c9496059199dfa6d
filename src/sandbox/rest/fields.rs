//! Strict reading of JSON objects: no unknown fields, and numbers as their exact text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The unread fields of an object, and its path in the body for error messages.
pub(super) struct Object<'a> {
    path: String,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Object<'a> {
    /// `path` is empty for the whole body.
    pub fn read(path: &str, raw: &'a str) -> Result<Self, String> {
        let fields = serde_json::from_str(raw).map_err(|_| {
            let what = if path.is_empty() { "the body" } else { path };
            format!("{what} is not a JSON object")
        })?;
        Ok(Self {
            path: path.to_owned(),
            fields,
        })
    }

    pub fn name(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// The field's JSON text. `null` is refused: absent fields must be omitted.
    pub fn raw(&mut self, field: &str) -> Result<Option<&'a str>, String> {
        match self.fields.remove(field).map(RawValue::get) {
            Some("null") => Err(format!("{} is null; omit it instead", self.name(field))),
            other => Ok(other),
        }
    }

    pub fn need_raw(&mut self, field: &str) -> Result<&'a str, String> {
        self.raw(field)?
            .ok_or_else(|| format!("{} is missing", self.name(field)))
    }

    /// A string that is not blank.
    pub fn text(&mut self, field: &str) -> Result<Option<String>, String> {
        let Some(raw) = self.raw(field)? else {
            return Ok(None);
        };
        let name = self.name(field);
        let text: String =
            serde_json::from_str(raw).map_err(|_| format!("{name} is not a string"))?;
        if text.trim().is_empty() {
            return Err(format!("{name} is blank"));
        }
        Ok(Some(text))
    }

    pub fn need_text(&mut self, field: &str) -> Result<String, String> {
        self.text(field)?
            .ok_or_else(|| format!("{} is missing", self.name(field)))
    }

    pub fn object(&mut self, field: &str) -> Result<Option<Self>, String> {
        let path = self.name(field);
        self.raw(field)?
            .map(|raw| Self::read(&path, raw))
            .transpose()
    }

    /// A whole number above zero, written without a fraction.
    pub fn need_count(&mut self, field: &str) -> Result<u32, String> {
        let raw = self.need_raw(field)?;
        match raw.parse::<u32>() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(format!(
                "{} must be a whole number above zero, not {raw}",
                self.name(field)
            )),
        }
    }

    /// A decimal number of zero or more, as its exact text. JSON allows neither leading zeros nor a
    /// bare point, so checking the characters is enough.
    pub fn need_price(&mut self, field: &str) -> Result<String, String> {
        let raw = self.need_raw(field)?;
        let decimal = raw.bytes().all(|c| c.is_ascii_digit() || c == b'.');
        if decimal {
            Ok(raw.to_owned())
        } else {
            Err(format!(
                "{} must be a plain decimal number, not {raw}",
                self.name(field)
            ))
        }
    }

    /// Refuses fields that were not read.
    pub fn finish(self) -> Result<(), String> {
        match self.fields.keys().next() {
            Some(field) => Err(format!("{} is not a field of this API", self.name(field))),
            None => Ok(()),
        }
    }
}
