//! A typed setting: its description and how its value is read.
//!
//! The only place where numbers, durations, booleans, choices, lists and tables are read.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    time::Duration,
};

use ::config::ValueKind;
use secrecy::SecretString;
use strum::VariantNames;

use super::{
    spec::{MASK, Mark, SettingKind, SettingSpec, Unset},
    value_text::{list_items, scalar_text},
};

/// A problem with a setting. The texts follow the setting's name: "is not a URL".
pub enum Flaw {
    /// Required and not set.
    Missing(String),
    /// Does not repeat the value.
    Whole(String),
    /// About this value, which may be one item of a list.
    Value { text: String, reason: String },
    /// About one entry of a table.
    Entry { entry: String, reason: String },
    /// Allowed, but probably a mistake. The text stands for itself.
    Suspicious(String),
}

type Parsed<T> = Result<T, String>;

enum Parse<T> {
    Value(fn(&str) -> Parsed<T>),
    /// Of a number that is in the setting's range.
    Number(fn(u32) -> Parsed<T>),
    /// Adds one item to the list.
    Items(fn() -> T, fn(&mut T, &str) -> Parsed<()>),
    /// Adds one entry to the table.
    Entries(fn() -> T, fn(&mut T, &str, &str) -> Parsed<()>),
}

pub struct Setting<T: 'static> {
    pub spec: SettingSpec,
    parse: Parse<T>,
}

/// A setting of any type.
pub trait Row: Sync {
    fn spec(&self) -> &SettingSpec;
    fn flaws(&self, value: &ValueKind) -> Vec<Flaw>;
}

impl<T> Row for Setting<T> {
    fn spec(&self) -> &SettingSpec {
        &self.spec
    }

    fn flaws(&self, value: &ValueKind) -> Vec<Flaw> {
        self.read(value).err().unwrap_or_default()
    }
}

impl<T> Setting<T> {
    pub fn read(&self, value: &ValueKind) -> Result<T, Vec<Flaw>> {
        match self.parse {
            Parse::Value(parse) => {
                let text = self.text(value)?;
                parse(&text).map_err(|reason| vec![Flaw::Value { text, reason }])
            }
            Parse::Number(convert) => {
                let text = self.text(value)?;
                self.number(&text)
                    .and_then(convert)
                    .map_err(|reason| vec![Flaw::Value { text, reason }])
            }
            Parse::Items(new, add) => {
                let Some(mut items) = list_items(value) else {
                    return Err(whole("must be a list of single values"));
                };
                if items.is_empty() {
                    return Err(whole("is an empty list"));
                }
                let mut seen = BTreeSet::new();
                items.retain(|item| seen.insert(item.clone()));
                collect(new, items, |list, text| {
                    add(list, &text).map_err(|reason| Flaw::Value { text, reason })
                })
            }
            Parse::Entries(new, add) => {
                let ValueKind::Table(entries) = value else {
                    return Err(whole("must be a table"));
                };
                let sorted: BTreeMap<_, _> = entries.iter().collect();
                collect(new, sorted, |table, (entry, value)| {
                    let added = match scalar_text(&value.kind) {
                        Some(text) => add(table, entry, text.trim()),
                        None => Err("is not a single value; a name with a dot needs quotes".into()),
                    };
                    let entry = entry.clone();
                    added.map_err(|reason| Flaw::Entry { entry, reason })
                })
            }
        }
    }

    pub fn missing(&self, reason: &str) -> (&SettingSpec, Flaw) {
        (&self.spec, Flaw::Missing(reason.into()))
    }

    pub fn invalid(&self, reason: impl Into<String>) -> (&SettingSpec, Flaw) {
        (&self.spec, Flaw::Whole(reason.into()))
    }

    pub fn suspicious(&self, warning: impl Into<String>) -> (&SettingSpec, Flaw) {
        (&self.spec, Flaw::Suspicious(warning.into()))
    }

    /// A single value, without surrounding space unless it is a secret.
    fn text(&self, value: &ValueKind) -> Result<String, Vec<Flaw>> {
        let text = scalar_text(value)
            .ok_or_else(|| whole("must be a single value, not a list or a table"))?;
        if text.chars().any(char::is_control) {
            return Err(whole("contains a line break or another control character"));
        }
        if let SettingKind::Text { min_chars } = self.spec.kind
            && text.trim().chars().count() < min_chars
        {
            return Err(whole(&format!("has fewer than {min_chars} characters")));
        }
        Ok(if self.spec.is_secret() {
            text
        } else {
            text.trim().to_owned()
        })
    }

    fn number(&self, text: &str) -> Parsed<u32> {
        let (min, max) = match self.spec.kind {
            SettingKind::Number { min, max, .. } => (min, max),
            _ => (0, u32::MAX),
        };
        let number = text.parse().ok().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| format!("is not a whole number from {min} to {max}"))
    }

    const fn new(kind: SettingKind, parse: Parse<T>) -> Self {
        let spec = SettingSpec {
            name: "",
            kind,
            unset: Unset::HasDefault,
            example: "",
            meaning: "",
            marks: &[],
            mask: |_| MASK.to_owned(),
        };
        Self { spec, parse }
    }

    /// Completes the setting with the columns of its row. A table has its name already.
    pub const fn row(
        mut self,
        name: &'static str,
        unset: Unset,
        marks: &'static [Mark],
        example: &'static str,
        meaning: &'static str,
    ) -> Self {
        if self.spec.name.is_empty() {
            self.spec.name = name;
        }
        self.spec.unset = unset;
        self.spec.marks = marks;
        self.spec.example = example;
        self.spec.meaning = meaning;
        self
    }

    pub const fn masked(mut self, mask: fn(&str) -> String) -> Self {
        self.spec.mask = mask;
        self
    }

    pub const fn min_chars(mut self, min_chars: usize) -> Self {
        self.spec.kind = SettingKind::Text { min_chars };
        self
    }
}

fn whole(problem: &str) -> Vec<Flaw> {
    vec![Flaw::Whole(problem.to_owned())]
}

fn collect<T, I>(
    new: fn() -> T,
    items: impl IntoIterator<Item = I>,
    mut add: impl FnMut(&mut T, I) -> Result<(), Flaw>,
) -> Result<T, Vec<Flaw>> {
    let mut all = new();
    let items = items.into_iter();
    let flaws: Vec<Flaw> = items.filter_map(|item| add(&mut all, item).err()).collect();
    if flaws.is_empty() {
        Ok(all)
    } else {
        Err(flaws)
    }
}

pub const fn value<T>(parse: fn(&str) -> Parsed<T>) -> Setting<T> {
    Setting::new(SettingKind::Text { min_chars: 0 }, Parse::Value(parse))
}

pub const fn text() -> Setting<String> {
    value(|text| Ok(text.to_owned()))
}

pub const fn secret() -> Setting<SecretString> {
    value(|text| Ok(text.into()))
}

/// One of a few words, in any case.
pub const fn choice<T: FromStr + VariantNames>() -> Setting<T> {
    value(|text| {
        let words = || format!("is not one of: {}", T::VARIANTS.join(", "));
        T::from_str(text).map_err(|_| words())
    })
}

pub const fn boolean() -> Setting<bool> {
    value(|text| match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("is not one of: true, false, yes, no, on, off, 1, 0".into()),
    })
}

/// A whole number that `convert` accepts.
pub const fn number_as<T>(min: u32, max: u32, convert: fn(u32) -> Parsed<T>) -> Setting<T> {
    units(min, max, 0, convert)
}

pub const fn number(min: u32, max: u32) -> Setting<u32> {
    number_as(min, max, Ok)
}

/// A number of things in memory.
pub const fn count(min: u32, max: u32) -> Setting<usize> {
    number_as(min, max, |n| {
        n.try_into().map_err(|_| "is too large".into())
    })
}

pub const fn seconds(min: u32, max: u32) -> Setting<Duration> {
    units(min, max, 24 * 60 * 60, |n| {
        Ok(Duration::from_secs(n.into()))
    })
}

pub const fn minutes(min: u32, max: u32) -> Setting<Duration> {
    units(min, max, 24 * 60, |n| {
        Ok(Duration::from_secs(60 * u64::from(n)))
    })
}

const fn units<T>(min: u32, max: u32, per_day: u32, convert: fn(u32) -> Parsed<T>) -> Setting<T> {
    let kind = SettingKind::Number { min, max, per_day };
    Setting::new(kind, Parse::Number(convert))
}

pub const fn list<T: Default>(add: fn(&mut T, &str) -> Parsed<()>) -> Setting<T> {
    Setting::new(SettingKind::List, Parse::Items(T::default, add))
}

pub const fn table<T: Default>(
    name: &'static str,
    add: fn(&mut T, &str, &str) -> Parsed<()>,
) -> Setting<T> {
    let mut table = Setting::new(SettingKind::Table, Parse::Entries(T::default, add));
    table.spec.name = name;
    table
}
