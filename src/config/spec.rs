//! The description of a setting: name, kind, meaning, and what may be done with it.
//!
//! Knows no value, and no type of a value. The settings themselves are in [`super::table`].

/// The text that is shown in place of a secret.
pub const MASK: &str = "********";

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    Text {
        min_chars: usize,
    },
    /// Of units, of which a day has `per_day`; 0 if it is not a duration.
    Number {
        min: u32,
        max: u32,
        per_day: u32,
    },
    /// Values separated by commas; in a TOML file also an array.
    List,
    /// A table of the TOML file, with the user's own entries.
    Table,
}

/// A property of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Never shown. Every secret is also guarded, unquoted and readable from a file.
    Secret,
    /// Can be read from the file that `<name>_FILE` names.
    FromFile,
    /// Errors do not repeat the value, since a wrong one may contain a password.
    Unquoted,
    /// Cannot be kept in `veracore_config`, because it is needed to read that row.
    NotStorable,
    /// Decides where credentials are sent, or which account is used.
    Guarded,
    /// A change applies at the next start only.
    ReadAtStart,
}

/// The default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// `config/default.toml` has a value.
    HasDefault,
    Required,
    /// No value, which means this, in the words of the documentation.
    Means(&'static str),
}

pub struct SettingSpec {
    /// The environment variable; for a table, the table's name.
    pub name: &'static str,
    pub kind: SettingKind,
    pub unset: Unset,
    /// A valid value, of no real system.
    pub example: &'static str,
    pub(super) meaning: &'static str,
    pub(super) marks: &'static [Mark],
    /// The text that is shown of a secret.
    pub(super) mask: fn(&str) -> String,
}

impl SettingSpec {
    /// The meaning and the range, on one line, in Markdown without links.
    pub fn meaning(&self) -> String {
        let range = match self.kind {
            SettingKind::Text { min_chars } if min_chars > 0 => {
                format!("; at least {min_chars} characters")
            }
            SettingKind::Number { min, max, per_day } => match max.checked_div(per_day) {
                Some(days) if days > 1 => format!("; {min} to {max} ({days} days)"),
                _ => format!("; {min} to {max}"),
            },
            _ => String::new(),
        };
        format!("{}{range}", self.meaning)
    }

    /// The default in words; empty where `config/default.toml` has a value.
    pub fn unset_meaning(&self) -> &'static str {
        match self.unset {
            Unset::HasDefault => "",
            Unset::Required => "required",
            Unset::Means(words) => words,
        }
    }

    /// The key in a TOML file.
    pub fn file_key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// The variable that names a file with the value, if the setting has one.
    pub fn file_variable(&self) -> Option<String> {
        self.has_any(&[Mark::Secret, Mark::FromFile])
            .then(|| format!("{}_FILE", self.name))
    }

    pub fn is_table(&self) -> bool {
        self.kind == SettingKind::Table
    }

    pub fn is_secret(&self) -> bool {
        self.has_any(&[Mark::Secret])
    }

    /// Whether an error may repeat the value.
    pub fn is_quotable(&self) -> bool {
        !self.has_any(&[Mark::Secret, Mark::Unquoted])
    }

    pub fn is_storable(&self) -> bool {
        !self.is_table() && !self.has_any(&[Mark::NotStorable])
    }

    /// Whether it is a credential, decides where credentials are sent, or which account is used.
    pub fn is_guarded(&self) -> bool {
        self.has_any(&[Mark::Secret, Mark::Guarded])
    }

    pub fn is_read_at_start(&self) -> bool {
        self.has_any(&[Mark::ReadAtStart])
    }

    fn has_any(&self, marks: &[Mark]) -> bool {
        self.marks.iter().any(|mark| marks.contains(mark))
    }

    /// The example as it is written in the environment or, for a table, in the file.
    pub fn env_example(&self) -> String {
        match self.kind {
            SettingKind::Table => format!("[{}] {}", self.name, self.example),
            _ => format!("{}={}", self.name, self.example),
        }
    }

    /// The example as a line of the TOML file.
    pub fn file_example(&self) -> String {
        match self.kind {
            SettingKind::Table => self.env_example(),
            _ => format!("{} = \"{}\"", self.file_key(), self.example),
        }
    }
}
