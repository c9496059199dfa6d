//! Sets up the log and the metrics. Must not decide what is logged or counted: the code that acts
//! does.

mod log_layer;
mod log_once;
pub mod metrics;

use std::fmt::Display;

use tracing::Span;
use tracing_subscriber::{
    EnvFilter, fmt::writer::BoxMakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use log_layer::LogLayer;
pub use log_once::LogOnce;
pub use metrics::{init_metrics, render_metrics, run_metrics_upkeep};

pub use crate::domain::LineFormat;

/// The output of the log. One-shot commands keep stdout for their result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    Stdout,
    Stderr,
}

/// The filter for a level: our own lines at that level, and warnings of libraries. sqlx's pool is off,
/// since it would log every failed connection, which the caller logs once.
pub fn filter_for_level(level: &str) -> String {
    format!(
        "{level},sqlx=warn,sqlx_core::pool=off,tokio_cron_scheduler=warn,hyper=warn,h2=warn,rustls=warn"
    )
}

/// Starts logging with a `filter` in the syntax of `RUST_LOG`. A second call changes nothing.
pub fn init_logging(format: LineFormat, filter: &str, target: LogTarget) {
    // The filter was checked with the configuration.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (to, colours) = match target {
        LogTarget::Stdout => (
            BoxMakeWriter::new(std::io::stdout),
            console::colors_enabled(),
        ),
        LogTarget::Stderr => (
            BoxMakeWriter::new(std::io::stderr),
            console::colors_enabled_stderr(),
        ),
    };
    let lines = LogLayer::new(format, colours, to);
    let outcome = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    if outcome.is_err() {
        tracing::debug!("the log was set up before");
    }
}

/// A span that adds the field `order` to each line. Its level is the highest, so that no LOG_LEVEL
/// removes it.
pub fn order_span(code: &impl Display) -> Span {
    tracing::error_span!("order", order = %code)
}

/// A span that adds the fields `job` and `run` (the run's number in `status`) to each line.
pub fn run_span(job: &str, run: i64) -> Span {
    tracing::error_span!("run", job, run)
}
