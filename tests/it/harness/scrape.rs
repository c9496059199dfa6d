//! Reads the page of metrics and checks its format strictly.

use std::{collections::BTreeMap, net::SocketAddr};

use super::get;

/// The type and help text of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub kind: String,
    pub help: String,
}

/// A page of `/metrics`.
#[derive(Debug, Clone)]
pub struct Scrape {
    pub families: BTreeMap<String, Family>,
    /// By name and labels, as written.
    pub samples: BTreeMap<String, f64>,
}

impl Scrape {
    pub async fn fetch(address: SocketAddr) -> Self {
        let (status, body) = get(&format!("http://{address}/metrics")).await;
        assert_eq!(status, 200);
        Self::parse(&body)
    }

    /// # Panics
    /// If the format is wrong.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut page = Self {
            families: BTreeMap::new(),
            samples: BTreeMap::new(),
        };
        let mut current: Option<(String, String)> = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                current = Some((name.to_owned(), help.to_owned()));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                let (described, help) = current.clone().unwrap_or_else(|| panic!("{line}"));
                assert_eq!(described, name, "{line}");
                assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                let kind = kind.to_owned();
                let before = page.families.insert(name.to_owned(), Family { kind, help });
                assert!(before.is_none(), "{name} is repeated");
            } else {
                let (name, _) = current.as_ref().unwrap_or_else(|| panic!("{line}"));
                page.add_sample(line, name);
            }
        }
        page.check_histograms();
        page
    }

    fn add_sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let kind = &self.families[family].kind;
        let is_part = match name.strip_prefix(family) {
            Some("") => kind != "histogram",
            Some("_bucket" | "_sum" | "_count") => kind == "histogram",
            _ => false,
        };
        assert!(is_part, "{line} is in {family}");
        for (label, value) in labels(series) {
            assert!(is_name(&label) && !value.is_empty(), "{line}");
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        let before = self.samples.insert(series.to_owned(), value);
        assert!(before.is_none(), "{series} is repeated");
    }

    /// Buckets are cumulative, and the last one equals the count.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, value) in &self.samples {
            if let Some((name, _)) = series.split_once("_bucket{") {
                let mut labels = labels(series);
                let (_, bound) = labels.pop().unwrap();
                let bound = bound.replace("+Inf", "inf").parse().unwrap();
                let of = with_labels(&format!("{name}_count"), &labels);
                buckets.entry(of).or_default().push((bound, *value));
            }
        }
        for (count, mut bounds) in buckets {
            bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                bounds.windows(2).all(|pair| pair[0].1 <= pair[1].1),
                "{count}"
            );
            let (last, all) = bounds.last().unwrap();
            assert!(last.is_infinite(), "{count}");
            assert!((all - self.samples[&count]).abs() < f64::EPSILON, "{count}");
        }
    }

    /// A sample by its name and labels.
    ///
    /// # Panics
    /// If it is missing.
    pub fn value(&self, series: &str) -> f64 {
        let value = self.samples.get(series);
        *value.unwrap_or_else(|| panic!("no {series}: {:#?}", self.samples))
    }

    /// Every label, with each of its values.
    pub fn labels(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for series in self.samples.keys() {
            for (label, value) in labels(series) {
                let values = all.entry(label).or_default();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        all
    }

    /// The differences from an earlier page, except for durations and ages.
    pub fn changes_since(&self, before: &Self) -> BTreeMap<String, f64> {
        let is_time = |series: &str| {
            ["_bucket{", "_sum", "oldest_", "start_time"]
                .iter()
                .any(|part| series.contains(part))
        };
        let mut steps = BTreeMap::new();
        for (series, value) in self.samples.iter().filter(|(series, _)| !is_time(series)) {
            let step = value - before.samples.get(series).unwrap_or(&0.0);
            if step != 0.0 {
                steps.insert(series.clone(), step);
            }
        }
        steps
    }
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn with_labels(name: &str, labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    let labels: Vec<String> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{value}\""))
        .collect();
    format!("{name}{{{}}}", labels.join(","))
}

/// Label values must contain no comma, quote or backslash.
fn labels(series: &str) -> Vec<(String, String)> {
    let Some((_, labels)) = series.split_once('{') else {
        return Vec::new();
    };
    let labels = labels
        .strip_suffix('}')
        .unwrap_or_else(|| panic!("{series}"));
    labels
        .split(',')
        .map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let value = value.unwrap_or_else(|| panic!("{series}"));
            assert!(!value.contains(['"', '\\']), "{series}");
            (label.to_owned(), value.to_owned())
        })
        .collect()
}
