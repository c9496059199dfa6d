//! Reads typed values out of the layered ones, and remembers every problem on the way.
//!
//! Owns the forms that several sections share: numbers, durations, choices, lists, tables.
//! Must not know what a setting is for.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use ::config::{Map, Value, ValueKind};
use secrecy::SecretString;

use super::{
    keys::SettingSpec,
    plain::{list_items, scalar_text},
    problem::{Diagnostics, ProblemRecorded, ReadResult, spec_of},
    setting::Provenance,
    sources::MergedLayers,
};
use crate::domain::text::one_line;

pub(super) struct SettingReader {
    values: Map<String, Value>,
    diagnostics: Diagnostics,
    /// Values that follow from other settings, as text.
    derived: BTreeMap<&'static str, String>,
}

impl SettingReader {
    pub(super) fn new(layered: MergedLayers) -> Self {
        Self {
            values: layered.values,
            diagnostics: layered.diagnostics,
            derived: BTreeMap::new(),
        }
    }

    pub(super) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    pub(super) fn raw_value(&self, key: &SettingSpec) -> Option<&Value> {
        self.values.get(&key.file_key())
    }

    /// Notes the value that a setting has because of others, when nobody set it.
    pub(super) fn set_derived(&mut self, name: &'static str, value: String) {
        self.derived.insert(name, value);
    }

    pub(super) fn derived(&self, key: &SettingSpec) -> Option<&str> {
        self.derived.get(key.name).map(String::as_str)
    }

    /// Records a problem with a setting. `problem` must not hold its value if that is a secret.
    pub(super) fn reject(
        &mut self,
        name: &'static str,
        problem: impl Into<String>,
    ) -> ProblemRecorded {
        self.diagnostics.add_invalid(spec_of(name), problem);
        ProblemRecorded
    }

    /// Records a setting that others require and that is not set.
    pub(super) fn reject_missing(&mut self, name: &'static str, problem: &str) -> ProblemRecorded {
        self.diagnostics.add_missing(spec_of(name), problem);
        ProblemRecorded
    }

    /// Records a problem with one entry of a table.
    pub(super) fn reject_entry(
        &mut self,
        name: &'static str,
        entry: &str,
        problem: &str,
    ) -> ProblemRecorded {
        let entry = format!("{name}.{}", one_line(entry, 60));
        self.diagnostics
            .add_problem(entry, problem, spec_of(name).env_example());
        ProblemRecorded
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.diagnostics.add_warning(warning);
    }

    /// The problem with a value that is there: quotes it and says where it is from.
    pub(super) fn reject_value(
        &mut self,
        name: &'static str,
        value: &str,
        why: &str,
    ) -> ProblemRecorded {
        let key = spec_of(name);
        let place = Provenance::from_tag(self.raw_value(key).and_then(Value::origin));
        let quoted = if key.is_secret() {
            "its value".to_owned()
        } else {
            format!("'{}'", one_line(value, 60))
        };
        self.reject(name, format!("{quoted} (from {place}) {why}"))
    }

    /// A required setting; says that it is missing unless its problem is known already.
    pub(super) fn require<T>(
        &mut self,
        name: &'static str,
        value: ReadResult<Option<T>>,
    ) -> ReadResult<T> {
        match value? {
            Some(value) => Ok(value),
            None => Err(self.reject_missing(name, "is required and not set")),
        }
    }

    /// A single value as text, without surrounding space unless it is a secret.
    pub(super) fn text(&mut self, name: &'static str) -> ReadResult<Option<String>> {
        let key = spec_of(name);
        if self.diagnostics.is_invalid(key) {
            return Err(ProblemRecorded);
        }
        let Some(value) = self.raw_value(key) else {
            return Ok(None);
        };
        let Some(text) = scalar_text(&value.kind) else {
            return Err(self.reject(name, "must be a single value, not a list or a table"));
        };
        if text.chars().any(char::is_control) {
            return Err(self.reject(name, "holds a line break or another control character"));
        }
        Ok(Some(if key.is_secret() {
            text
        } else {
            text.trim().to_owned()
        }))
    }

    pub(super) fn secret(&mut self, name: &'static str) -> ReadResult<Option<SecretString>> {
        Ok(self.text(name)?.map(SecretString::from))
    }

    /// A value that `parse` understands, or else says why not ("is not a time of day").
    pub(super) fn parse<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> ReadResult<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        parse(&text)
            .map(Some)
            .map_err(|why| self.reject_value(name, &text, &why))
    }

    /// A whole number with a default.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> ReadResult<u32> {
        let number = self.parse(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let (least, most) = (range.start(), range.end());
            number.ok_or_else(|| format!("is not a whole number from {least} to {most}"))
        });
        self.require(name, number)
    }

    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> ReadResult<Duration> {
        let seconds = self.number(name, range)?;
        Ok(Duration::from_secs(seconds.into()))
    }

    /// How many calls may be under way at the same time.
    pub(super) fn concurrency(&mut self, name: &'static str) -> ReadResult<usize> {
        let calls = self.number(name, 1..=64)?;
        Ok(usize::try_from(calls).unwrap_or(1))
    }

    pub(super) fn minutes(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> ReadResult<Duration> {
        let minutes = self.number(name, range)?;
        Ok(Duration::from_secs(60 * u64::from(minutes)))
    }

    /// One of a few words, in any case.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> ReadResult<Option<T>> {
        self.parse(name, |text| {
            let found = choices.iter().find(|(w, _)| w.eq_ignore_ascii_case(text));
            found.map(|(_, choice)| *choice).ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!("is none of: {}", words.join(", "))
            })
        })
    }

    /// Yes or no, with a default.
    pub(super) fn boolean(&mut self, name: &'static str) -> ReadResult<bool> {
        let words = [
            ("true", true),
            ("false", false),
            ("yes", true),
            ("no", false),
            ("on", true),
            ("off", false),
            ("1", true),
            ("0", false),
        ];
        let flag = self.choice(name, &words);
        self.require(name, flag)
    }

    /// Values separated by commas, or an array of a file. Blank ones and repetitions are left out.
    pub(super) fn list(&mut self, name: &'static str) -> ReadResult<Option<Vec<String>>> {
        let key = spec_of(name);
        if self.diagnostics.is_invalid(key) {
            return Err(ProblemRecorded);
        }
        let Some(value) = self.raw_value(key) else {
            return Ok(None);
        };
        let Some(items) = list_items(&value.kind) else {
            return Err(self.reject(name, "must be a list of single values"));
        };
        let mut list: Vec<String> = Vec::new();
        for item in items {
            if !list.contains(&item) {
                list.push(item);
            }
        }
        if list.is_empty() {
            return Err(self.reject(name, "is a list with nothing in it"));
        }
        Ok(Some(list))
    }

    /// A list whose items `parse` understands; each one that it does not is a problem.
    pub(super) fn parse_list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> ReadResult<Option<Vec<T>>> {
        let Some(items) = self.list(name)? else {
            return Ok(None);
        };
        let mut list = Vec::new();
        let mut outcome = Ok(());
        for item in &items {
            match parse(item) {
                Ok(value) => list.push(value),
                Err(why) => outcome = Err(self.reject_value(name, item, &why)),
            }
        }
        outcome.map(|()| Some(list))
    }

    /// A table of the file; each entry that `parse` does not understand is a problem.
    pub(super) fn parse_table<K: Ord, V>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str, &str) -> Result<(K, V), String>,
    ) -> ReadResult<BTreeMap<K, V>> {
        let entries = match self.raw_value(spec_of(name)).map(|value| &value.kind) {
            None => return Ok(BTreeMap::new()),
            Some(ValueKind::Table(entries)) => entries.clone(),
            Some(_) => return Err(self.reject(name, "must be a table")),
        };
        let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut table = BTreeMap::new();
        let mut outcome = Ok(());
        for (entry, value) in entries {
            let parsed = match scalar_text(&value.kind) {
                Some(text) => parse(&entry, text.trim()),
                None => Err("is not a single value; a name with a dot needs quotes".to_owned()),
            };
            match parsed {
                Ok((key, value)) => {
                    table.insert(key, value);
                }
                Err(why) => outcome = Err(self.reject_entry(name, &entry, &why)),
            }
        }
        outcome.map(|()| table)
    }
}
