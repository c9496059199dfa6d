//! What is wrong with the configuration, all of it at once.
//!
//! Owns how problems are collected and shown. Must not show the value of a secret: whoever adds a
//! problem writes its text.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{
    keys::{self, SettingSpec},
    list::SETTINGS,
};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
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

impl fmt::Display for ConfigProblem {
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
#[error("{}", list_problems(problems, warnings))]
pub struct ConfigError {
    /// In the order of the settings' documentation; those of a file as a whole first.
    pub problems: Vec<ConfigProblem>,
    /// As [`super::Config::warnings`]. A misspelled variable often explains a missing one.
    pub warnings: Vec<String>,
}

fn list_problems(problems: &[ConfigProblem], warnings: &[String]) -> String {
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
pub(super) struct ProblemRecorded;

pub(super) type ReadResult<T> = Result<T, ProblemRecorded>;

/// What was found so far.
#[derive(Default)]
pub(super) struct Diagnostics {
    problems: Vec<ConfigProblem>,
    warnings: Vec<String>,
    /// Settings that have a problem already, about which nothing more is said.
    invalid_settings: BTreeSet<&'static str>,
    /// Whether a whole layer could not be read, so that nobody knows what is missing.
    has_unreadable_layer: bool,
}

impl Diagnostics {
    /// Records a setting that is required and not set, unless it may be in a layer that could not
    /// be read.
    pub(super) fn add_missing(&mut self, key: &'static SettingSpec, problem: impl Into<String>) {
        if !self.has_unreadable_layer {
            self.add_invalid(key, problem);
            if let Some(problem) = self.problems.last_mut() {
                problem.is_missing = true;
            }
        }
    }

    /// Records a problem because of which a whole layer is missing.
    pub(super) fn add_unreadable_layer(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.has_unreadable_layer = true;
        self.add_problem(key, problem, example);
    }

    /// Records a problem with a setting, which counts as broken from then on.
    pub(super) fn add_invalid(&mut self, key: &'static SettingSpec, problem: impl Into<String>) {
        self.invalid_settings.insert(key.name);
        self.add_problem(key.name, problem, key.env_example());
    }

    /// Records a problem with the file that holds a setting's value.
    pub(super) fn add_invalid_file(
        &mut self,
        key: &'static SettingSpec,
        problem: impl Into<String>,
    ) {
        self.invalid_settings.insert(key.name);
        let variable = format!("{}_FILE", key.name);
        let example = format!("{variable}=/run/secrets/{}", key.file_key());
        self.add_problem(variable, problem, example);
    }

    /// Records a problem of no single setting.
    pub(super) fn add_problem(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.problems.push(ConfigProblem {
            key: key.into(),
            problem: problem.into(),
            example: example.into(),
            is_missing: false,
        });
    }

    pub(super) fn add_warning(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn is_invalid(&self, key: &SettingSpec) -> bool {
        self.invalid_settings.contains(key.name)
    }

    /// Forgets the problems of all settings but these, for a command that needs no others.
    pub(super) fn retain_settings(&mut self, names: &[&str]) {
        self.problems
            .retain(|problem| match find_problem_setting(&problem.key) {
                Some(key) => names.contains(&key.name),
                None => true,
            });
    }

    /// What was read and the warnings, when nothing at all is wrong.
    pub(super) fn into_result<T>(
        self,
        read: ReadResult<T>,
    ) -> Result<(T, Vec<String>), ConfigError> {
        let mut problems = self.problems;
        match read {
            Ok(value) if problems.is_empty() => return Ok((value, self.warnings)),
            Ok(_) | Err(ProblemRecorded) => {}
        }
        problems.sort_by_key(|problem| {
            let key = find_problem_setting(&problem.key);
            key.and_then(|key| SETTINGS.iter().position(|k| k == key))
                .map_or(0, |at| at + 1)
        });
        Err(ConfigError {
            problems,
            warnings: self.warnings,
        })
    }
}

/// The setting that a problem's key is about: `X`, `X_FILE` or `table.entry`.
fn find_problem_setting(key: &str) -> Option<&'static SettingSpec> {
    let name = key.strip_suffix("_FILE").unwrap_or(key);
    let table = key.split_once('.').map_or(key, |(table, _)| table);
    SETTINGS
        .iter()
        .find(|k| k.name == key || k.name == name || k.name == table)
}

/// The setting of that name, for the code that reads it.
pub(super) fn spec_of(name: &'static str) -> &'static SettingSpec {
    // A name that is not in the list is a slip of ours; the tests read every setting.
    const UNKNOWN: SettingSpec = SettingSpec {
        name: "?",
        kind: keys::SettingKind::Text,
        example: "",
        unset_meaning: "",
        meaning: "",
    };
    keys::find_setting(name).unwrap_or(&UNKNOWN)
}
