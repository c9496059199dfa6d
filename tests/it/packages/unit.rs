//! The systemd unit.

use std::{collections::BTreeMap, fs, process::Command};

use super::{SHUTDOWN_TIMEOUT, is_installed, is_setting, path, text};

const UNIT: &str = "deploy/veracore-sync.service";

/// The maximum exposure level of `systemd-analyze security`, in tenths: 0 is best, 100 worst.
const EXPOSURE: &str = "15";

/// The values of each directive, in sequence.
fn directives() -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text(UNIT).lines() {
        if line.starts_with('#') || line.starts_with('[') || line.trim().is_empty() {
            continue;
        }
        let (name, value) = line.split_once('=').unwrap();
        all.entry(name.into()).or_default().push(value.into());
    }
    all
}

#[test]
fn the_unit_waits_for_work_in_progress_and_has_a_watchdog() {
    let unit = directives();
    let one = |name: &str| unit[name].join(" ");
    assert_eq!(one("Type"), "notify");
    assert_eq!(one("Restart"), "always");
    assert!(one("TimeoutStopSec").parse::<u64>().unwrap() > SHUTDOWN_TIMEOUT + 5);
    assert!(one("WatchdogSec").parse::<u64>().unwrap() > SHUTDOWN_TIMEOUT);
    assert!(one("ExecStart").ends_with(" run"));
}

/// A secret that is loaded but not configured, or the reverse, would fail only at the start.
#[test]
fn each_secret_of_the_unit_is_loaded_and_configured() {
    let unit = directives();
    let mut loaded: Vec<String> = unit["LoadCredential"]
        .iter()
        .map(|line| line.split_once(':').unwrap().0.to_owned())
        .collect();
    let mut named = Vec::new();
    for line in &unit["Environment"] {
        let (name, value) = line.split_once('=').unwrap();
        assert!(is_setting(name), "{name} is not a setting");
        let credential = value.strip_prefix("%d/").unwrap();
        assert_eq!(name, format!("{}_FILE", credential.to_ascii_uppercase()));
        named.push(credential.to_owned());
    }
    loaded.sort();
    named.sort();
    assert_eq!(loaded, named);
}

/// Skipped where systemd is not installed.
#[test]
fn systemd_accepts_the_unit_and_rates_it_hardened() {
    if !is_installed("systemd-analyze") {
        return;
    }
    // The program is not installed here, so an existing one replaces it.
    let folder = std::env::temp_dir().join(format!("veracore-unit-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("veracore-sync.service");
    let unit = text(UNIT).replace("/usr/local/bin/veracore-sync", "/bin/true");
    fs::write(&copy, unit).unwrap();
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&copy)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    let about_it: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("veracore-sync"))
        .collect();
    assert!(about_it.is_empty(), "{said}");

    let rated = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold", EXPOSURE])
        .arg(path(UNIT))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&rated.stdout);
    assert!(rated.status.success(), "{said}");
}
