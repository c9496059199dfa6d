//! The Prometheus recorder of the process.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{
    catalogue::{self, MetricKind},
    record::register_metrics,
};

/// One for all daemons of the process; tests run several.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder. A second call has no effect.
pub fn init_metrics(now: DateTime<Utc>) {
    RECORDER.get_or_init(|| {
        let recorder = match build_recorder() {
            Ok(recorder) => recorder,
            // The buckets are constants, which a test checks.
            Err(error) => {
                tracing::error!(%error, "metrics cannot be recorded; this is a defect, please report it");
                return None;
            }
        };
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("another metrics recorder is installed");
            return None;
        }
        register_metrics(now);
        Some(handle)
    });
}

fn build_recorder() -> Result<metrics_exporter_prometheus::PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in catalogue::ALL {
        if let MetricKind::Histogram(bounds) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, bounds)?;
        }
    }
    Ok(builder.build_recorder())
}

/// The metrics in Prometheus' text format; empty before [`init_metrics`].
pub fn render_metrics() -> String {
    handle().map_or_else(String::new, PrometheusHandle::render)
}

/// Sorts samples into their buckets. Until then they take memory, so this must be called regularly,
/// even without scrapes.
pub fn run_metrics_upkeep() {
    if let Some(handle) = handle() {
        handle.run_upkeep();
    }
}

fn handle() -> Option<&'static PrometheusHandle> {
    RECORDER.get()?.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resident pages of this process, in kB.
    fn memory() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    #[test]
    fn samples_that_are_sorted_take_no_memory() {
        const ROUNDS: usize = 200;
        const SAMPLES: usize = 5_000;
        let recorder = build_recorder().unwrap();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let histogram = metrics::histogram!(catalogue::ORDER_AGE);
            let mut before = 0;
            for round in 0..ROUNDS {
                for _ in 0..SAMPLES {
                    histogram.record(90.0);
                }
                handle.run_upkeep();
                if round == ROUNDS / 10 {
                    before = memory();
                }
            }
            // Unsorted they would take 14 MB or more.
            let more = memory().saturating_sub(before);
            assert!(more < 7_000, "{more} kB more");
        });
        let count = format!("{}_count {}", catalogue::ORDER_AGE, ROUNDS * SAMPLES);
        assert!(handle.render().contains(&count));
    }
}
