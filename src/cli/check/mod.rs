//! `check`: tests every dependency and prints a line for each, with the fix.

mod veracore;

use serde::Serialize;

use super::{
    context::{CommandOutcome, CommandResult},
    output::Output,
    terminal::Terminal,
};
use crate::{
    app::App,
    config::Sources,
    ledger::LedgerError,
    sync::preflight::{PreflightFinding, PreflightVerdict, check_shop, shop_error_finding},
    telemetry,
};

#[derive(Serialize)]
struct CheckReport {
    ok: bool,
    checks: Vec<PreflightFinding>,
}

pub(super) async fn execute(sources: Sources, output: Output) -> CommandResult {
    let app = App::load_for_check(sources).await?;
    app.init_log(telemetry::LogTarget::Stderr);
    let mut checks = vec![PreflightFinding::ok(
        "configuration",
        "complete and consistent",
    )];
    checks.push(check_database(&app).await);
    checks.extend(check_vendure(&app).await);
    checks.extend(veracore::check_veracore(&app).await);
    let ok = checks
        .iter()
        .all(|finding| finding.verdict != PreflightVerdict::Failed);
    let report = CheckReport { ok, checks };
    output.print(&report, || describe(&report.checks, output.terminal))?;
    Ok(CommandOutcome::from_ok(ok))
}

async fn check_database(app: &App) -> PreflightFinding {
    const CHECK: &str = "database";
    let checked = match app.ledger.ensure_migrated().await {
        Ok(()) => app.ledger.ensure_writable().await,
        other => other,
    };
    let Err(error) = checked else {
        return PreflightFinding::ok(CHECK, "connected; tables are up to date");
    };
    let fix = match error {
        LedgerError::NotMigrated { .. } => {
            "run `veracore-sync migrate` (`run` does it automatically)"
        }
        LedgerError::SchemaTooNew { .. } => {
            "use the veracore-sync version that migrated this database, or a newer one"
        }
        LedgerError::ReadOnly => {
            "point DATABASE_URL at the primary, or turn default_transaction_read_only off"
        }
        _ => "start Postgres, or correct DATABASE_URL; the user must be allowed to create tables",
    };
    PreflightFinding::failed(CHECK, error.to_string(), fix)
}

async fn check_vendure(app: &App) -> Vec<PreflightFinding> {
    match app.storefront.profile().await {
        Ok(profile) => check_shop(&profile, &app.expected_shop()),
        Err(error) => vec![shop_error_finding(&error)],
    }
}

fn describe(checks: &[PreflightFinding], screen: Terminal) -> String {
    let mut text = String::new();
    for finding in checks {
        let mark = screen.status(match finding.verdict {
            PreflightVerdict::Ok => "ok     ",
            PreflightVerdict::Warning => "warning",
            PreflightVerdict::Failed => "FAILED ",
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
