//! Reads typed values out of the layered ones, and remembers every problem on the way.
//!
//! Owns the forms that several sections share: numbers, durations, choices, lists, tables.
//! Must not know what a setting is for.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use ::config::{Map, Value, ValueKind};
use secrecy::SecretString;

use super::{
    keys::Key,
    plain::{items, scalar},
    problem::{Findings, Read, Reported, known},
    setting::Place,
    sources::Layered,
};
use crate::domain::text::one_line;

pub(super) struct Reader {
    values: Map<String, Value>,
    findings: Findings,
    /// Values that follow from other settings, as text.
    derived: BTreeMap<&'static str, String>,
}

impl Reader {
    pub(super) fn new(layered: Layered) -> Self {
        Self {
            values: layered.values,
            findings: layered.findings,
            derived: BTreeMap::new(),
        }
    }

    pub(super) fn into_findings(self) -> Findings {
        self.findings
    }

    pub(super) fn value(&self, key: &Key) -> Option<&Value> {
        self.values.get(&key.in_file())
    }

    /// Notes the value that a setting has because of others, when nobody set it.
    pub(super) fn derive(&mut self, name: &'static str, value: String) {
        self.derived.insert(name, value);
    }

    pub(super) fn derived(&self, key: &Key) -> Option<&str> {
        self.derived.get(key.name).map(String::as_str)
    }

    /// Records a problem with a setting. `problem` must not hold its value if that is a secret.
    pub(super) fn bad(&mut self, name: &'static str, problem: impl Into<String>) -> Reported {
        self.findings.bad(known(name), problem);
        Reported
    }

    /// Records a setting that others require and that is not set.
    pub(super) fn missing(&mut self, name: &'static str, problem: &str) -> Reported {
        self.findings.missing(known(name), problem);
        Reported
    }

    /// Records a problem with one entry of a table.
    pub(super) fn bad_entry(&mut self, name: &'static str, entry: &str, problem: &str) -> Reported {
        let entry = format!("{name}.{}", one_line(entry, 60));
        self.findings.problem(entry, problem, known(name).sample());
        Reported
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.findings.warn(warning);
    }

    /// The problem with a value that is there: quotes it and says where it is from.
    pub(super) fn wrong(&mut self, name: &'static str, value: &str, why: &str) -> Reported {
        let key = known(name);
        let place = Place::from_tag(self.value(key).and_then(Value::origin));
        let quoted = if key.is_secret() {
            "its value".to_owned()
        } else {
            format!("'{}'", one_line(value, 60))
        };
        self.bad(name, format!("{quoted} (from {place}) {why}"))
    }

    /// A required setting; says that it is missing unless its problem is known already.
    pub(super) fn required<T>(&mut self, name: &'static str, value: Read<Option<T>>) -> Read<T> {
        match value? {
            Some(value) => Ok(value),
            None => Err(self.missing(name, "is required and not set")),
        }
    }

    /// A single value as text, without surrounding space unless it is a secret.
    pub(super) fn text(&mut self, name: &'static str) -> Read<Option<String>> {
        let key = known(name);
        if self.findings.is_broken(key) {
            return Err(Reported);
        }
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let Some(text) = scalar(&value.kind) else {
            return Err(self.bad(name, "must be a single value, not a list or a table"));
        };
        if text.chars().any(char::is_control) {
            return Err(self.bad(name, "holds a line break or another control character"));
        }
        Ok(Some(if key.is_secret() {
            text
        } else {
            text.trim().to_owned()
        }))
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Read<Option<SecretString>> {
        Ok(self.text(name)?.map(SecretString::from))
    }

    /// A value that `parse` understands, or else says why not ("is not a time of day").
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Read<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        parse(&text)
            .map(Some)
            .map_err(|why| self.wrong(name, &text, &why))
    }

    /// A whole number with a default.
    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Read<u32> {
        let number = self.parsed(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let (least, most) = (range.start(), range.end());
            number.ok_or_else(|| format!("is not a whole number from {least} to {most}"))
        });
        self.required(name, number)
    }

    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Read<Duration> {
        let seconds = self.number(name, range)?;
        Ok(Duration::from_secs(seconds.into()))
    }

    /// How many calls may be under way at the same time.
    pub(super) fn concurrency(&mut self, name: &'static str) -> Read<usize> {
        let calls = self.number(name, 1..=64)?;
        Ok(usize::try_from(calls).unwrap_or(1))
    }

    pub(super) fn minutes(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Read<Duration> {
        let minutes = self.number(name, range)?;
        Ok(Duration::from_secs(60 * u64::from(minutes)))
    }

    /// One of a few words, in any case.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Read<Option<T>> {
        self.parsed(name, |text| {
            let found = choices.iter().find(|(w, _)| w.eq_ignore_ascii_case(text));
            found.map(|(_, choice)| *choice).ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!("is none of: {}", words.join(", "))
            })
        })
    }

    /// Yes or no, with a default.
    pub(super) fn flag(&mut self, name: &'static str) -> Read<bool> {
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
        self.required(name, flag)
    }

    /// Values separated by commas, or an array of a file. Blank ones and repetitions are left out.
    pub(super) fn list(&mut self, name: &'static str) -> Read<Option<Vec<String>>> {
        let key = known(name);
        if self.findings.is_broken(key) {
            return Err(Reported);
        }
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let Some(items) = items(&value.kind) else {
            return Err(self.bad(name, "must be a list of single values"));
        };
        let mut list: Vec<String> = Vec::new();
        for item in items {
            if !list.contains(&item) {
                list.push(item);
            }
        }
        if list.is_empty() {
            return Err(self.bad(name, "is a list with nothing in it"));
        }
        Ok(Some(list))
    }

    /// A list whose items `parse` understands; each one that it does not is a problem.
    pub(super) fn parsed_list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Read<Option<Vec<T>>> {
        let Some(items) = self.list(name)? else {
            return Ok(None);
        };
        let mut list = Vec::new();
        let mut outcome = Ok(());
        for item in &items {
            match parse(item) {
                Ok(value) => list.push(value),
                Err(why) => outcome = Err(self.wrong(name, item, &why)),
            }
        }
        outcome.map(|()| Some(list))
    }

    /// A table of the file; each entry that `parse` does not understand is a problem.
    pub(super) fn table<K: Ord, V>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str, &str) -> Result<(K, V), String>,
    ) -> Read<BTreeMap<K, V>> {
        let entries = match self.value(known(name)).map(|value| &value.kind) {
            None => return Ok(BTreeMap::new()),
            Some(ValueKind::Table(entries)) => entries.clone(),
            Some(_) => return Err(self.bad(name, "must be a table")),
        };
        let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut table = BTreeMap::new();
        let mut outcome = Ok(());
        for (entry, value) in entries {
            let parsed = match scalar(&value.kind) {
                Some(text) => parse(&entry, text.trim()),
                None => Err("is not a single value; a name with a dot needs quotes".to_owned()),
            };
            match parsed {
                Ok((key, value)) => {
                    table.insert(key, value);
                }
                Err(why) => outcome = Err(self.bad_entry(name, &entry, &why)),
            }
        }
        outcome.map(|()| table)
    }
}
