//! The problems and warnings of a configuration, all of them at once.
//!
//! Must not show the value of a secret: the code that adds a problem writes its text.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{
    provenance::Provenance,
    setting::{Flaw, Row},
    spec::SettingSpec,
    table::SETTINGS,
};
use crate::domain::text::one_line;

/// A problem with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// The variable, or the place in the file.
    pub key: String,
    pub problem: String,
    /// A valid setting.
    pub example: String,
    /// Whether the setting is only not set.
    #[serde(skip)]
    pub is_missing: bool,
    /// The setting that the problem belongs to.
    #[serde(skip)]
    setting: Option<&'static str>,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A problem may end in a question: "did you mean …?"
        let stop = if self.problem.ends_with('?') { "" } else { "." };
        write!(f, "{}: {}{stop} ", self.key, self.problem)?;
        write!(f, "Example: {}", self.example)
    }
}

/// Every problem of a configuration that is not valid, and the warnings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}", list_problems(problems, warnings))]
pub struct ConfigError {
    /// In the order of the documentation; those of no single setting first.
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

/// The problems and warnings found so far.
#[derive(Default)]
pub struct Diagnostics {
    problems: Vec<ConfigProblem>,
    pub warnings: Vec<String>,
    invalid_settings: BTreeSet<&'static str>,
    /// Whether a whole layer could not be read, so that it is unknown what is missing.
    pub has_unreadable_layer: bool,
}

impl Diagnostics {
    /// Records a problem with a setting; `place` is where its value is from.
    pub fn add_flaw(&mut self, setting: &'static SettingSpec, place: &Provenance, flaw: Flaw) {
        match flaw {
            // It may be in a layer that could not be read.
            Flaw::Missing(_) if self.has_unreadable_layer => {}
            Flaw::Missing(reason) => {
                self.add_invalid(setting, reason);
                if let Some(problem) = self.problems.last_mut() {
                    problem.is_missing = true;
                }
            }
            Flaw::Whole(reason) => self.add_invalid(setting, reason),
            Flaw::Value { text, reason } if setting.is_quotable() => {
                let quoted = one_line(&text, 60);
                self.add_invalid(setting, format!("'{quoted}' (from {place}) {reason}"));
            }
            Flaw::Value { reason, .. } => self.add_invalid(setting, reason),
            Flaw::Entry { entry, reason } => {
                let key = format!("{}.{}", setting.name, one_line(&entry, 60));
                self.invalid_settings.insert(setting.name);
                self.add(Some(setting), key, reason, setting.env_example());
            }
            Flaw::Suspicious(warning) => self.warnings.push(warning),
        }
    }

    /// Records a problem with a setting, which counts as invalid from then on.
    pub fn add_invalid(&mut self, setting: &'static SettingSpec, problem: impl Into<String>) {
        self.invalid_settings.insert(setting.name);
        self.add(Some(setting), setting.name, problem, setting.env_example());
    }

    /// Records a problem with the file that contains a setting's value.
    pub fn add_invalid_file(&mut self, setting: &'static SettingSpec, problem: String) {
        self.invalid_settings.insert(setting.name);
        let variable = format!("{}_FILE", setting.name);
        let example = format!("{variable}=/run/secrets/{}", setting.file_key());
        self.add(Some(setting), variable, problem, example);
    }

    /// Records a problem; `setting` decides its place among the others.
    pub fn add(
        &mut self,
        setting: Option<&'static SettingSpec>,
        key: impl Into<String>,
        problem: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.problems.push(ConfigProblem {
            key: key.into(),
            problem: problem.into(),
            example: example.into(),
            is_missing: false,
            setting: setting.map(|setting| setting.name),
        });
    }

    pub fn is_invalid(&self, setting: &SettingSpec) -> bool {
        self.invalid_settings.contains(setting.name)
    }

    /// Drops the problems of all other settings, for a command that needs only these.
    pub fn retain(&mut self, rows: &[&dyn Row]) {
        let is_kept = |name| rows.iter().any(|row| row.spec().name == name);
        self.problems
            .retain(|problem| problem.setting.is_none_or(is_kept));
    }

    /// The built value, if there is no problem.
    pub fn into_result<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        if self.problems.is_empty()
            && let Some(built) = build()
        {
            return Ok(built);
        }
        // Those of no setting first: `None` is less than any position.
        self.problems.sort_by_key(|problem| {
            let name = problem.setting?;
            SETTINGS.iter().position(|setting| setting.name == name)
        });
        Err(ConfigError {
            problems: self.problems,
            warnings: self.warnings,
        })
    }
}
