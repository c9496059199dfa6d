//! Alert rules, Grafana dashboard, their documentation and the runbook: each metric exists in
//! `/metrics`, each alert has a section in the runbook, and each command in the runbook exists.
//! `scripts/test` also tests the rules with `promtool`, if it is installed.

use std::{collections::BTreeSet, fs, path::Path};

use clap::Parser as _;
use serde_json::Value;
use veracore_sync::{
    cli::Cli,
    sync::{jobs::Job, orders::discovery_loop},
    telemetry::metrics::{
        self,
        catalogue::{self, Metric, MetricKind},
    },
};

const RULES: &str = "deploy/prometheus/veracore-sync.rules.yml";
const RULE_TESTS: &str = "deploy/prometheus/veracore-sync.rules.test.yml";
const DASHBOARD: &str = "deploy/grafana/veracore-sync.json";
const METRICS: &str = "docs/metrics.md";
const RUNBOOK: &str = "docs/operations.md";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The metrics that a text names; the parts of a histogram count as the histogram.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("veracore_sync_") {
        let rest = &text[at..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        names.insert(metric_of(name).map_or_else(|| name.to_owned(), |m| m.name.to_owned()));
    }
    names
}

fn metric_of(name: &str) -> Option<&'static Metric> {
    catalogue::ALL.iter().find(|metric| {
        let part = name.strip_prefix(metric.name);
        let is_histogram = matches!(metric.kind, MetricKind::Histogram(_));
        part.is_some_and(|part| match part {
            "" => true,
            "_bucket" | "_sum" | "_count" => is_histogram,
            _ => false,
        })
    })
}

struct Alert {
    name: String,
    body: String,
}

impl Alert {
    fn field(&self, name: &str) -> &str {
        let key = format!(" {name}: ");
        let line = self.body.lines().find(|line| line.contains(&key));
        let line = line.unwrap_or_else(|| panic!("{} has no {name}", self.name));
        line.split_once(&key).unwrap().1.trim()
    }
}

fn alerts() -> Vec<Alert> {
    let text = read(RULES);
    let alerts = text.split("      - alert: ").skip(1).map(|body| Alert {
        name: body.lines().next().unwrap().to_owned(),
        body: body.to_owned(),
    });
    alerts.collect()
}

/// The anchors of the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_job_is_measured() {
    let mut jobs: Vec<&str> = Job::ALL.map(Job::as_str).into();
    jobs.push(discovery_loop::SWEEP_JOB);
    jobs.sort_unstable();
    assert_eq!(jobs, metrics::JOBS);
}

#[test]
fn rules_and_dashboard_use_existing_metrics() {
    for path in [RULES, RULE_TESTS, DASHBOARD, METRICS, RUNBOOK] {
        let text = read(path);
        for name in names_in(&text) {
            assert!(metric_of(&name).is_some(), "{path}: there is no {name}");
        }
    }
    let prometheus = read("deploy/prometheus/prometheus.yml");
    assert!(prometheus.contains("job_name: veracore-sync"));
    assert!(prometheus.contains("- veracore-sync.rules.yml"));
}

#[test]
fn every_alert_is_documented_and_tested() {
    let (runbook, tests) = (read(RUNBOOK), read(RULE_TESTS));
    let places = anchors(&runbook);
    let alerts = alerts();
    assert!(alerts.len() >= 20, "are they still read?");
    for alert in &alerts {
        let name = &alert.name;
        assert!(
            ["critical", "warning", "info"].contains(&alert.field("severity")),
            "{name}"
        );
        assert!(!alert.field("summary").is_empty() && alert.field("description").len() > 40);
        let (file, place) = alert.field("runbook_url").split_once('#').unwrap();
        assert_eq!((file, place), (RUNBOOK, name.to_lowercase().as_str()));
        assert!(places.contains(place), "{RUNBOOK} says nothing of {name}");
        for kind in ["fires", "is quiet"] {
            let test = format!("{name} {kind}");
            assert!(tests.contains(&test), "{RULE_TESTS}: {test}");
        }
    }
    // No removed alert is documented.
    let documented = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### VeracoreSync"));
    let documented: Vec<String> = documented
        .map(|name| format!("VeracoreSync{name}"))
        .collect();
    let names: Vec<&String> = alerts.iter().map(|alert| &alert.name).collect();
    assert_eq!(documented.iter().collect::<Vec<_>>(), names);
    for (at, _) in runbook.match_indices("](#") {
        let link = &runbook[at + 3..];
        let link = &link[..link.find(')').unwrap()];
        assert!(places.contains(link), "{RUNBOOK}: #{link}");
    }
}

#[test]
fn every_metric_is_documented_with_type_labels_and_an_example() {
    let text = read(METRICS);
    let examples: String = text
        .split("```promql")
        .skip(1)
        .fold(String::new(), |all, rest| {
            all + rest.split("```").next().unwrap()
        });
    let examples = names_in(&examples);
    for metric in catalogue::ALL {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        let row = format!("| `{}` | {kind} | ", metric.name);
        let line = text.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("{METRICS} has no {row}"));
        let labels = line.split('|').nth(3).unwrap();
        for label in metric.labels {
            assert!(labels.contains(&format!("`{label}`")), "{line}");
        }
        assert_eq!(metric.labels.is_empty(), labels.trim().is_empty(), "{line}");
        assert!(
            examples.contains(metric.name),
            "no example of {}",
            metric.name
        );
    }
}

#[test]
fn the_grafana_dashboard_is_valid() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} is above another");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
        assert!(unit.is_some_and(|unit| !unit.is_empty()), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            shown.extend(names_in(target["expr"].as_str().unwrap()));
        }
    }
    let all: BTreeSet<String> = catalogue::ALL.iter().map(|m| m.name.to_owned()).collect();
    assert_eq!(shown, all);
}

#[test]
fn every_command_of_the_runbook_exists() {
    let text = read(RUNBOOK);
    let mut seen = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        if !quoted.starts_with("veracore-sync ")
            || quoted.contains('…') && !quoted.contains("CODE…")
        {
            continue;
        }
        let words = quoted.split_whitespace().map(|word| match word {
            "RUN" => "7",
            other => other,
        });
        let parsed = Cli::try_parse_from(words);
        assert!(parsed.is_ok(), "{quoted}: {}", parsed.unwrap_err());
        seen += 1;
    }
    assert!(seen > 40, "only {seen} commands were found");
}
