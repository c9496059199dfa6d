//! `check`: tests every dependency and prints a line for each, with the exact fix.

mod veracore;

use serde::Serialize;

use super::{Outcome, Output, screen::Screen};
use crate::{
    app::App,
    config::Sources,
    ledger::LedgerError,
    sync::preflight::{Finding, Verdict, shop_findings, shop_unreadable},
    telemetry,
};

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Finding>,
}

pub(super) async fn execute(sources: Sources, output: Output) -> anyhow::Result<Outcome> {
    let app = App::load_to_check(sources).await?;
    app.log_to(telemetry::Target::Stderr);
    let mut checks = vec![Finding::ok("configuration", "complete and consistent")];
    checks.push(database(&app).await);
    checks.extend(vendure(&app).await);
    checks.extend(veracore::findings(&app).await);
    let ok = checks
        .iter()
        .all(|finding| finding.verdict != Verdict::Failed);
    let report = Report { ok, checks };
    output.print(&report, || describe(&report.checks, output.screen))?;
    Ok(if ok { Outcome::Done } else { Outcome::Failed })
}

async fn database(app: &App) -> Finding {
    const CHECK: &str = "database";
    let checked = match app.ledger.ensure_migrated().await {
        Ok(()) => app.ledger.ensure_writable().await,
        other => other,
    };
    match checked {
        Ok(()) => Finding::ok(CHECK, "answers, and its tables are up to date"),
        Err(error @ LedgerError::NotMigrated { .. }) => Finding::failed(
            CHECK,
            error.to_string(),
            "run `veracore-sync migrate` (`run` does it by itself)",
        ),
        Err(error @ LedgerError::TooNew { .. }) => {
            Finding::failed(CHECK, error.to_string(), "run the newer veracore-sync")
        }
        Err(error @ LedgerError::ReadOnly) => Finding::failed(
            CHECK,
            error.to_string(),
            "point DATABASE_URL at the primary, or undo default_transaction_read_only",
        ),
        Err(error) => Finding::failed(
            CHECK,
            error.to_string(),
            "start Postgres, or correct DATABASE_URL; the user needs the right to create tables",
        ),
    }
}

async fn vendure(app: &App) -> Vec<Finding> {
    match app.storefront.profile().await {
        Ok(profile) => shop_findings(&profile, &app.expected()),
        Err(error) => vec![shop_unreadable(&error)],
    }
}

fn describe(checks: &[Finding], screen: Screen) -> String {
    let mut text = String::new();
    for finding in checks {
        let mark = screen.word(match finding.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED ",
        });
        text.push_str(&format!(
            "{mark}  {:<26} {}\n",
            finding.check, finding.detail
        ));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("         fix: {fix}\n"));
        }
    }
    text
}
