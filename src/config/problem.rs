//! What is wrong with the configuration, all of it at once.
//!
//! Owns how problems are collected and shown. Must not show the value of a secret: whoever adds a
//! problem writes its text.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{
    keys::{self, Key},
    list::KEYS,
};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The variable, or the place in the file.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
    /// A right setting.
    pub example: String,
    /// Whether it is only not set.
    #[serde(skip)]
    pub is_missing: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            problem,
            example,
            ..
        } = self;
        // A problem may end in a question: "did you mean …?"
        let stop = if problem.ends_with('?') { "" } else { "." };
        write!(f, "{key}: {problem}{stop} Example: {example}")
    }
}

/// Why there is no configuration: every problem, and what else looked odd.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}", listed(problems, warnings))]
pub struct ConfigError {
    /// In the order of the settings' documentation; those of a file as a whole first.
    pub problems: Vec<Problem>,
    /// As [`super::Config::warnings`]. A misspelled variable often explains a missing one.
    pub warnings: Vec<String>,
}

fn listed(problems: &[Problem], warnings: &[String]) -> String {
    let mut text = match problems {
        [_] => "the configuration has a problem:".to_owned(),
        _ => format!("the configuration has {} problems:", problems.len()),
    };
    for problem in problems {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    for warning in warnings {
        text.push_str("\n  note: ");
        text.push_str(warning);
    }
    text
}

/// The problem has been recorded; the reading goes on, so that the others are found too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

pub(super) type Read<T> = Result<T, Reported>;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Settings that have a problem already, about which nothing more is said.
    broken: BTreeSet<&'static str>,
    /// Whether a whole layer could not be read, so that nobody knows what is missing.
    incomplete: bool,
}

impl Findings {
    /// Records a setting that is required and not set, unless it may be in a layer that could not
    /// be read.
    pub(super) fn missing(&mut self, key: &'static Key, problem: impl Into<String>) {
        if !self.incomplete {
            self.bad(key, problem);
            if let Some(problem) = self.problems.last_mut() {
                problem.is_missing = true;
            }
        }
    }

    /// Records a problem because of which a whole layer is missing.
    pub(super) fn lost_layer(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.incomplete = true;
        self.problem(key, problem, example);
    }

    /// Records a problem with a setting, which counts as broken from then on.
    pub(super) fn bad(&mut self, key: &'static Key, problem: impl Into<String>) {
        self.broken.insert(key.name);
        self.problem(key.name, problem, key.sample());
    }

    /// Records a problem with the file that holds a setting's value.
    pub(super) fn bad_file(&mut self, key: &'static Key, problem: impl Into<String>) {
        self.broken.insert(key.name);
        let variable = format!("{}_FILE", key.name);
        let example = format!("{variable}=/run/secrets/{}", key.in_file());
        self.problem(variable, problem, example);
    }

    /// Records a problem of no single setting.
    pub(super) fn problem(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.problems.push(Problem {
            key: key.into(),
            problem: problem.into(),
            example: example.into(),
            is_missing: false,
        });
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn is_broken(&self, key: &Key) -> bool {
        self.broken.contains(key.name)
    }

    /// Forgets the problems of all settings but these, for a command that needs no others.
    pub(super) fn keep_only(&mut self, names: &[&str]) {
        self.problems
            .retain(|problem| match setting_of(&problem.key) {
                Some(key) => names.contains(&key.name),
                None => true,
            });
    }

    /// What was read and the warnings, when nothing at all is wrong.
    pub(super) fn conclude<T>(self, read: Read<T>) -> Result<(T, Vec<String>), ConfigError> {
        let mut problems = self.problems;
        match read {
            Ok(value) if problems.is_empty() => return Ok((value, self.warnings)),
            Ok(_) | Err(Reported) => {}
        }
        problems.sort_by_key(|problem| {
            let key = setting_of(&problem.key);
            key.and_then(|key| KEYS.iter().position(|k| k == key))
                .map_or(0, |at| at + 1)
        });
        Err(ConfigError {
            problems,
            warnings: self.warnings,
        })
    }
}

/// The setting that a problem's key is about: `X`, `X_FILE` or `table.entry`.
fn setting_of(key: &str) -> Option<&'static Key> {
    let name = key.strip_suffix("_FILE").unwrap_or(key);
    let table = key.split_once('.').map_or(key, |(table, _)| table);
    KEYS.iter()
        .find(|k| k.name == key || k.name == name || k.name == table)
}

/// The setting of that name, for the code that reads it.
pub(super) fn known(name: &'static str) -> &'static Key {
    // A name that is not in the list is a slip of ours; the tests read every setting.
    const UNKNOWN: Key = Key {
        name: "?",
        form: keys::Form::Text,
        example: "",
        without: "",
        meaning: "",
    };
    keys::find(name).unwrap_or(&UNKNOWN)
}
