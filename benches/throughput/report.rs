//! The table of results: figures, goals, and whether they are met.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use serde::Serialize;
use veracore_sync::clock::{Clock as _, SystemClock};

/// The size of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Whole,
    /// Too small for meaningful figures, but runs all code.
    Quick,
}

/// The goal of a figure.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(goal) => figure >= goal,
            Self::AtMost(goal) => figure <= goal,
        }
    }
}

#[derive(Serialize)]
struct Row {
    section: &'static str,
    what: String,
    figure: f64,
    unit: &'static str,
    goal: Option<Goal>,
    met: Option<bool>,
}

pub struct Report {
    scale: Scale,
    section: &'static str,
    rows: Vec<Row>,
}

impl Report {
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            section: "",
            rows: Vec::new(),
        }
    }

    /// A report that is discarded.
    pub fn aside(&self) -> Self {
        Self {
            section: "aside",
            ..Self::new(self.scale)
        }
    }

    pub fn begin(&mut self, section: &'static str) {
        self.section = section;
        eprintln!("==> {section}");
    }

    /// Selects `whole` or `quick` by the scale.
    pub fn scaled<T>(&self, whole: T, quick: T) -> T {
        match self.scale {
            Scale::Whole => whole,
            Scale::Quick => quick,
        }
    }

    pub fn figure(&mut self, what: impl Into<String>, figure: f64, unit: &'static str) {
        self.add(what.into(), figure, unit, None);
    }

    pub fn goal(&mut self, what: impl Into<String>, figure: f64, unit: &'static str, goal: Goal) {
        self.add(what.into(), figure, unit, Some(goal));
    }

    fn add(&mut self, what: String, figure: f64, unit: &'static str, goal: Option<Goal>) {
        let row = Row {
            section: self.section,
            met: goal.map(|goal| goal.is_met(figure)),
            what,
            figure,
            unit,
            goal,
        };
        eprintln!("    {}", line(&row));
        self.rows.push(row);
    }

    /// Prints the table and writes the JSON.
    pub fn end(&self) {
        let mut table =
            String::from("| section | measured | figure | goal | met |\n|---|---|---:|---:|---|\n");
        for row in &self.rows {
            writeln!(table, "{}", line(row)).unwrap();
        }
        println!("{table}");
        let document = serde_json::json!({
            "at": SystemClock.now(),
            "revision": output("git", &["rev-parse", "--short", "HEAD"]),
            "machine": machine(),
            "whole": self.scale == Scale::Whole,
            "rows": self.rows,
        });
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("throughput.json");
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::write(&path, format!("{document:#}\n")).unwrap();
        eprintln!("==> as JSON in {}", path.display());
    }
}

fn line(row: &Row) -> String {
    let goal = match row.goal {
        None => String::new(),
        Some(Goal::AtLeast(goal)) => format!("≥ {}", shown(goal)),
        Some(Goal::AtMost(goal)) => format!("≤ {}", shown(goal)),
    };
    let met = match row.met {
        None => "",
        Some(true) => "yes",
        Some(false) => "**no**",
    };
    let figure = shown(row.figure);
    format!(
        "| {} | {} | {figure} {} | {goal} | {met} |",
        row.section, row.what, row.unit
    )
}

/// Formats with three significant digits, or all digits of an integer.
fn shown(figure: f64) -> String {
    match figure.abs() {
        _ if figure.fract() == 0.0 => format!("{figure}"),
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

/// The machine of the measurement.
fn machine() -> serde_json::Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    serde_json::json!({
        "cpu": model.unwrap_or_default().trim_start_matches(['\t', ':', ' ']),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": memory.lines().next().unwrap_or_default(),
        "kernel": output("uname", &["-sr"]),
        "rust": output("rustc", &["--version"]),
        "node": output("node", &["--version"]),
    })
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
