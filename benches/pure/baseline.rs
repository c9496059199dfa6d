//! The baseline in `benches/pure.baseline.json`: written, or compared with the last measurements.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The median of each operation in nanoseconds, and the machine.
#[derive(Default, Serialize, Deserialize)]
struct Baseline {
    machine: String,
    nanoseconds: BTreeMap<String, f64>,
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pure.baseline.json")
}

/// Writes the baseline if `PURE_BASELINE` is `write`, else prints it beside the last measurements.
/// Does nothing in `cargo test`, which only checks that the benchmark runs.
#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a separate program for the terminal"
)]
pub fn compare_or_write() {
    let measured = measured();
    let known: Baseline = fs::read_to_string(file())
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    if std::env::var("PURE_BASELINE").is_ok_and(|mode| mode == "write") {
        let baseline = Baseline {
            machine: machine(),
            nanoseconds: measured,
        };
        let text = serde_json::to_string_pretty(&baseline).expect("JSON");
        fs::write(file(), text + "\n").expect("benches/pure.baseline.json cannot be written");
        return;
    }
    println!("{:<36} {:>14} {:>14} {:>7}", "", "ns", "baseline", "ratio");
    for (name, now) in measured {
        match known.nanoseconds.get(&name) {
            Some(then) => println!("{name:<36} {now:>14.0} {then:>14.0} {:>7.2}", now / then),
            None => println!("{name:<36} {now:>14.0}"),
        }
    }
    println!("baseline: {}", known.machine);
}

/// criterion's last measurement of each operation.
fn measured() -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../criterion");
    collect(&target, &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, f64>) {
    let read = |name: &str| -> Option<Value> {
        let text = fs::read_to_string(folder.join("new").join(name)).ok()?;
        serde_json::from_str(&text).ok()
    };
    if let (Some(about), Some(estimates)) = (read("benchmark.json"), read("estimates.json"))
        && let (Some(name), Some(median)) = (
            about["full_id"].as_str(),
            estimates["median"]["point_estimate"].as_f64(),
        )
    {
        // Further digits are noise.
        found.insert(name.to_owned(), median.round());
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), found);
        }
    }
}

/// The processor and the number of cores.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model.to_owned())
        .collect::<Vec<_>>();
    let model = models.first().map_or("unknown processor", String::as_str);
    format!(
        "{} x {model}, {} {}, rustc's release profile",
        models.len().max(1),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
