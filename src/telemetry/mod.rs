//! Setting up the log and the metrics. Must not decide what is logged or counted: that is said where
//! it happens.

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

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// For people tailing a log.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Where log lines go: one-shot commands keep stdout for their result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    Stdout,
    Stderr,
}

/// What a level means: our own lines at that level, and of the libraries only their complaints. Of
/// connections that could not be made, whoever wanted one says so once; sqlx's pool would each time.
pub fn filter_for_level(level: &str) -> String {
    format!(
        "{level},sqlx=warn,sqlx_core::pool=off,tokio_cron_scheduler=warn,hyper=warn,h2=warn,rustls=warn"
    )
}

/// Starts logging by `filter`, a list as in `RUST_LOG`. A second call changes nothing.
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

/// What is told within belongs to this order: each line has the field `order`. Of the highest level,
/// so that no LOG_LEVEL takes it away.
pub fn order_span(code: &impl Display) -> Span {
    tracing::error_span!("order", order = %code)
}

/// What is told within belongs to this run of a job: each line has the fields `job` and `run`, the
/// number that `status` and `--accept-held` know it by.
pub fn run_span(job: &str, run: i64) -> Span {
    tracing::error_span!("run", job, run)
}
