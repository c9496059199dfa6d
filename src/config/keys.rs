//! The list of settings: name, form and an example of each, in the order of the documentation.
//!
//! Owns the names. Must not know any value or what a value means.

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
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
pub struct Key {
    /// The environment variable; for a [`Form::Table`] the table's name.
    pub name: &'static str,
    pub form: Form,
    /// A right value, of no real system.
    pub example: &'static str,
}

impl Key {
    /// The key in a TOML file.
    #[must_use]
    pub fn in_file(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Whether the value must never be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.form == Form::Secret
    }

    /// The variable that names a file with the value, where there is one.
    #[must_use]
    pub fn file_variable(&self) -> Option<String> {
        matches!(self.form, Form::Secret | Form::TextOrFile).then(|| format!("{}_FILE", self.name))
    }

    /// Whether the value may be kept in `veracore_config`. What is needed to read that row may
    /// not, and tables belong to the file.
    #[must_use]
    pub fn is_storable(&self) -> bool {
        self.form != Form::Table
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
    pub fn sample(&self) -> String {
        match self.form {
            Form::Table => format!("[{}] {}", self.name, self.example),
            _ => format!("{}={}", self.name, self.example),
        }
    }

    /// The setting with its example, as a line of the TOML file.
    #[must_use]
    pub fn sample_in_file(&self) -> String {
        match self.form {
            Form::Table => self.sample(),
            _ => format!("{} = \"{}\"", self.in_file(), self.example),
        }
    }
}

/// The setting of this name, in either spelling.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

const fn key(name: &'static str, form: Form, example: &'static str) -> Key {
    Key {
        name,
        form,
        example,
    }
}

use Form::{List, Secret, Table, Text, TextOrFile};

/// Every setting there is.
pub const KEYS: &[Key] = &[
    key("VERACORE_API_URL", Text, "https://veracore.example.com/v1"),
    key("VERACORE_API_STYLE", Text, "rest"),
    key("VERACORE_AUTH", Text, "oauth2"),
    key("VERACORE_CLIENT_ID", TextOrFile, "acme-api"),
    key("VERACORE_CLIENT_SECRET", Secret, "the-secret-of-the-client"),
    key("VERACORE_COMPANY_ID", Text, "ACME"),
    key(
        "VERACORE_WEBHOOK_SECRET",
        Secret,
        "the-secret-agreed-with-VeraCore",
    ),
    key("VERACORE_TIMEOUT_SECONDS", Text, "30"),
    key("VERACORE_RATE_LIMIT_PER_SECOND", Text, "10"),
    key("VERACORE_MAX_CONCURRENCY", Text, "4"),
    key("VERACORE_OMS_NAMESPACE", Text, "http://omscom/"),
    key("VERACORE_OMS_UNMAPPED_SHIPPING", Text, "send"),
    key("VERACORE_OMS_ORDER_ID_LENGTH", Text, "50"),
    key("VERACORE_OMS_INVENTORY", Text, "offers"),
    key("VERACORE_OMS_NOT_FOUND_TEXT", Text, "Invalid order"),
    key("VERACORE_OMS_CANCEL_STYLE", Text, "soap"),
    key("VERACORE_OMS_CANCEL_NAMESPACE", Text, "http://tempuri.org/"),
    key(
        "VERACORE_OMS_CANCEL_ACTION",
        Text,
        "http://tempuri.org/IOrderAdjustment/CancelOrder",
    ),
    key(
        "VENDURE_API_URL",
        Text,
        "https://shop.example.com/admin-api",
    ),
    key("VENDURE_USERNAME", Text, "veracore-sync"),
    key("VENDURE_PASSWORD", Secret, "the-password"),
    key("VENDURE_API_KEY", Secret, "the-api-key"),
    key("VENDURE_CHANNEL_TOKEN", Text, "us-channel"),
    key("VENDURE_STOCK_LOCATION", Text, "Main warehouse"),
    key("VENDURE_TIMEOUT_SECONDS", Text, "30"),
    key("VENDURE_MAX_CONCURRENCY", Text, "4"),
    key(
        "DATABASE_URL",
        Secret,
        "postgres://user:password@localhost:5432/veracore_sync",
    ),
    key("DATABASE_MAX_CONNECTIONS", Text, "10"),
    key("SYNC_ENABLED", Text, "true"),
    key("ORDER_SYNC_TRIGGER_STATES", List, "PaymentSettled"),
    key("ORDER_SYNC_EXISTING", Text, "skip"),
    key("ORDER_UNIT_PRICE", Text, "gross"),
    key("ORDER_SHIPPING_METHODS", List, "standard,express"),
    key("ORDER_SKIP_SKUS", List, "GIFT-*,DIGITAL"),
    key("ORDER_HOLD_MINUTES", Text, "15"),
    key("ORDER_POLL_INTERVAL_SECONDS", Text, "10"),
    key("ORDER_SWEEP_INTERVAL_SECONDS", Text, "600"),
    key("ORDER_SYNC_MAX_ATTEMPTS", Text, "10"),
    key("RETRY_INITIAL_SECONDS", Text, "15"),
    key("RETRY_MAX_SECONDS", Text, "3600"),
    key("SYNC_TIMEZONE", Text, "America/Los_Angeles"),
    key("SYNC_INVENTORY_TIME", Text, "02:00"),
    key("SYNC_INVENTORY_INTERVAL_MINUTES", Text, "240"),
    key("SYNC_TRACKING_INTERVAL_MINUTES", Text, "30"),
    key("BUSINESS_HOURS", Text, "09:00-19:00"),
    key("BUSINESS_DAYS", List, "Mon-Fri"),
    key("INVENTORY_MAX_DROP_PERCENT", Text, "50"),
    key("INVENTORY_SAFETY_STOCK", Text, "2"),
    key("INVENTORY_BATCH_SIZE", Text, "40"),
    key("safety_stock", Table, "\"MUG-RED\" = 5"),
    key("VENDURE_ORDER_NOTES", Text, "false"),
    key("HTTP_LISTEN", Text, "127.0.0.1:8080"),
    key("API_TOKEN", Secret, "a-long-random-text"),
    key(
        "CONFIG_ENCRYPTION_KEY",
        Secret,
        "$(openssl rand -base64 32)",
    ),
    key(
        "EVENT_WEBHOOK_URL",
        Text,
        "https://hooks.example.com/veracore-sync",
    ),
    key("EVENT_WEBHOOK_SECRET", Secret, "the-secret-of-the-receiver"),
    key("CANCEL_IN_VENDURE", Text, "false"),
    key("VERACORE_TIMEZONE", Text, "America/New_York"),
    key("PII_RETENTION_DAYS", Text, "90"),
    key("shipping_methods", Table, "standard = \"UPS Ground\""),
    key("freight", Table, "standard = \"code:U11 UPS Ground\""),
    key("skus", Table, "\"MUG-RED\" = \"100234\""),
    key("warehouses", Table, "\"EAST\" = \"Main warehouse\""),
    key("LOG_FORMAT", Text, "pretty"),
    key("LOG_LEVEL", Text, "info"),
];
