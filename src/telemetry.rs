//! Setting up the log. Must not decide what is logged: that is said where it happens.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people tailing a log.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Where log lines go: one-shot commands keep stdout for their result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Stdout,
    Stderr,
}

/// What a level means: our own lines at that level, and of the libraries only their complaints. Of
/// connections that could not be made, whoever wanted one says so once; sqlx's pool would each time.
#[must_use]
pub fn filter_of(level: &str) -> String {
    format!(
        "{level},sqlx=warn,sqlx_core::pool=off,tokio_cron_scheduler=warn,hyper=warn,h2=warn,rustls=warn"
    )
}

/// Starts logging by `filter`, a list as in `RUST_LOG`. A second call changes nothing.
pub fn start(format: Format, filter: &str, target: Target) {
    // The filter was checked with the configuration.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = match (format, target) {
        (Format::Json, Target::Stdout) => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stdout),
            )
            .try_init(),
        (Format::Json, Target::Stderr) => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        (Format::Pretty, Target::Stdout) => registry
            .with(
                fmt::layer()
                    .with_target(false)
                    .with_ansi(std::io::stdout().is_terminal()),
            )
            .try_init(),
        (Format::Pretty, Target::Stderr) => registry
            .with(
                fmt::layer()
                    .with_target(false)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("the log was set up before");
    }
}
