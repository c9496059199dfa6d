//! Benchmarks of the daemon: orders, discovery, stock, tracking, the ledger, replicas and footprint,
//! compared with what the environment allows in the same run. `docs/performance.md` has the tables
//! that this prints, and explains them.
//!
//!   cargo bench --bench throughput [-- [SECTION…] [--quick]]
//!
//! SECTIONs are `orders`, `discovery`, `inventory`, `tracking`, `ledger`, `plans`, `replicas` and
//! `footprint`; the default is all of them. `--quick` makes each small, to check that it works. The
//! table goes to stdout, and as JSON to `target/tmp/throughput.json`.
//!
//! Needs a Postgres superuser (`TEST_DATABASE_URL`) and, for some rows, a real Vendure with 1,000
//! products (`TEST_VENDURE_URL`). Without the first, it runs `scripts/bench`, which starts both and
//! then this program again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a failed unwrap ends the benchmark, and figures are rounded"
)]

mod throughput {
    pub mod discovery;
    pub mod footprint;
    pub mod inventory;
    pub mod ledger;
    pub mod orders;
    pub mod place;
    pub mod plans;
    pub mod process;
    pub mod real;
    pub mod replicas;
    pub mod report;
    pub mod shop;
    pub mod tracking;

    /// Starts a task in the background of the measurement.
    #[expect(clippy::disallowed_methods, reason = "it ends with the process")]
    pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

use std::process::{Command, ExitCode};

use throughput::{
    discovery, footprint, inventory, ledger, orders, plans, replicas,
    report::{Report, Scale},
    tracking,
};

/// The arguments, and the titles in `docs/performance.md`.
const SECTIONS: [(&str, &str); 8] = [
    ("orders", "Orders"),
    ("discovery", "Discovery"),
    ("inventory", "Stock"),
    ("tracking", "Tracking"),
    ("ledger", "The ledger alone"),
    ("plans", "Query plans"),
    ("replicas", "Replicas"),
    ("footprint", "Footprint"),
];

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| *argument != "--quick")
        .collect();
    let names = SECTIONS.map(|(name, _)| name);
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        eprintln!(
            "unknown section {unknown}; the sections are {}",
            names.join(", ")
        );
        return ExitCode::from(2);
    }
    if std::env::vars_os().all(|(name, _)| name != "TEST_DATABASE_URL") {
        return run_script(&arguments);
    }
    let scale = if quick { Scale::Quick } else { Scale::Whole };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::new(scale);
    for (section, title) in SECTIONS {
        if !wanted.is_empty() && !wanted.contains(&section) {
            continue;
        }
        report.begin(title);
        runtime.block_on(async {
            match section {
                "orders" => orders::measure(&mut report).await,
                "discovery" => discovery::measure(&mut report).await,
                "inventory" => inventory::measure(&mut report).await,
                "tracking" => tracking::measure(&mut report).await,
                "ledger" => ledger::measure(&mut report).await,
                "plans" => plans::measure(&mut report).await,
                "replicas" => replicas::measure(&mut report).await,
                _ => footprint::measure(&mut report).await,
            }
        });
    }
    report.end();
    ExitCode::SUCCESS
}

/// Runs the script that starts a database, and then this program again.
fn run_script(arguments: &[String]) -> ExitCode {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/bench");
    let status = Command::new(script).args(arguments).status().unwrap();
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
