//! What is known of a setting besides its value: name, form, meaning, and what may be done with it.
//!
//! Must not know any value. The settings themselves are in [`super::list`].

use super::list::SETTINGS;

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// One value.
    Text,
    /// One value that may also be read from the file named by `<name>_FILE`.
    TextOrFile,
    /// As [`Form::TextOrFile`], and never shown.
    Secret,
    /// Values separated by commas; in a TOML file also an array.
    List,
    /// A table of the TOML file, with entries of the user's own.
    Table,
}

/// A setting.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingSpec {
    /// The environment variable; for a [`Form::Table`] the table's name.
    pub name: &'static str,
    pub kind: SettingKind,
    /// A right value, of no real system.
    pub example: &'static str,
    /// What holds when nobody sets it, in words ("required", "the only one"); empty where
    /// `config/default.toml` has a value.
    pub unset_meaning: &'static str,
    /// What it is for, on one line, in Markdown without links.
    pub meaning: &'static str,
}

impl SettingSpec {
    /// The key in a TOML file.
    #[must_use]
    pub fn file_key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Whether the value must never be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == SettingKind::Secret
    }

    /// The variable that names a file with the value, where there is one.
    #[must_use]
    pub fn file_variable(&self) -> Option<String> {
        matches!(self.kind, SettingKind::Secret | SettingKind::TextOrFile)
            .then(|| format!("{}_FILE", self.name))
    }

    /// Whether the value may be kept in `veracore_config`. What is needed to read that row may
    /// not, and tables belong to the file.
    #[must_use]
    pub fn is_storable(&self) -> bool {
        self.kind != SettingKind::Table
            && !matches!(
                self.name,
                "DATABASE_URL" | "DATABASE_MAX_CONNECTIONS" | "CONFIG_ENCRYPTION_KEY"
            )
    }

    /// Whether it decides where credentials are sent to, or who we are, or is a credential itself.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.is_secret()
            || matches!(
                self.name,
                "VERACORE_API_URL"
                    | "VERACORE_CLIENT_ID"
                    | "VERACORE_AUTH"
                    | "VERACORE_API_STYLE"
                    | "VENDURE_API_URL"
                    | "VENDURE_USERNAME"
                    | "VENDURE_CHANNEL_TOKEN"
                    | "EVENT_WEBHOOK_URL"
                    | "HTTP_LISTEN"
            )
    }

    /// Whether a change of it is heeded at the next start only.
    #[must_use]
    pub fn is_read_at_start(&self) -> bool {
        matches!(
            self.name,
            "DATABASE_URL"
                | "DATABASE_MAX_CONNECTIONS"
                | "CONFIG_ENCRYPTION_KEY"
                | "HTTP_LISTEN"
                | "LOG_FORMAT"
                | "LOG_LEVEL"
        )
    }

    /// The setting with its example, as it is written in the environment or, for a table, in the
    /// file.
    #[must_use]
    pub fn env_example(&self) -> String {
        match self.kind {
            SettingKind::Table => format!("[{}] {}", self.name, self.example),
            _ => format!("{}={}", self.name, self.example),
        }
    }

    /// The setting with its example, as a line of the TOML file.
    #[must_use]
    pub fn file_example(&self) -> String {
        match self.kind {
            SettingKind::Table => self.env_example(),
            _ => format!("{} = \"{}\"", self.file_key(), self.example),
        }
    }
}

/// The setting of this name, in either spelling.
#[must_use]
pub fn find_setting(name: &str) -> Option<&'static SettingSpec> {
    SETTINGS
        .iter()
        .find(|key| key.name.eq_ignore_ascii_case(name))
}
