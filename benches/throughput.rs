//! What the daemon can do, measured against what its surroundings allow in the same run: orders sent,
//! orders looked for, stock written, packages carried, the ledger's work, and what it takes to stand
//! there. `docs/performance.md` holds a table that this printed, and says how to read it.
//!
//!   cargo bench --bench throughput [-- [SECTION…] [--quick]]
//!
//! SECTIONs are `orders`, `discovery`, `inventory`, `tracking`, `ledger`, `plans`, `replicas` and
//! `footprint` (all of them unless told otherwise); `--quick` makes each small, to see whether it
//! works. The table goes to stdout, and as JSON to `target/tmp/throughput.json`.
//!
//! It needs a Postgres (`TEST_DATABASE_URL`, a superuser's) and, for the rows that say so, a real
//! Vendure with 1,000 products (`TEST_VENDURE_URL`). Without the first it hands over to
//! `scripts/bench`, which starts both and comes back here.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot go on ends where it stands, and figures are rounded"
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

    /// Starts what goes on beside the measurement.
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the process, and nobody waits for it"
    )]
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

const SECTIONS: [&str; 8] = [
    "orders",
    "discovery",
    "inventory",
    "tracking",
    "ledger",
    "plans",
    "replicas",
    "footprint",
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
    if let Some(unknown) = wanted.iter().find(|name| !SECTIONS.contains(name)) {
        eprintln!(
            "there is no section {unknown}; there are {}",
            SECTIONS.join(", ")
        );
        return ExitCode::from(2);
    }
    if std::env::vars_os().all(|(name, _)| name != "TEST_DATABASE_URL") {
        return hand_over(&arguments);
    }
    let scale = if quick { Scale::Quick } else { Scale::Whole };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::new(scale);
    for section in SECTIONS {
        if !wanted.is_empty() && !wanted.contains(&section) {
            continue;
        }
        report.begin(section);
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

/// Without a database: the script that starts one, and then this again.
fn hand_over(arguments: &[String]) -> ExitCode {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/bench");
    let status = Command::new(script).args(arguments).status().unwrap();
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
