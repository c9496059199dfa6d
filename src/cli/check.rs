//! `check`: tests every dependency and prints a line for each, with the exact fix.

use serde::Serialize;

use super::{Outcome, Output};
use crate::{
    app::App,
    config::Sources,
    domain::ErrorCategory,
    fulfillment::ProviderError,
    http::CallError,
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
    checks.extend(veracore(&app).await);
    let ok = checks
        .iter()
        .all(|finding| finding.verdict != Verdict::Failed);
    let report = Report { ok, checks };
    output.print(&report, || describe(&report.checks))?;
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

async fn veracore(app: &App) -> Vec<Finding> {
    let orders = app.provider.find_order(app.probe_number()).await;
    if let Err(error @ (ProviderError::Credentials { .. } | ProviderError::NoToken(_))) = &orders {
        return vec![refused("veracore credentials", error)];
    }
    let credentials = match &orders {
        // An answer of any kind means that somebody looked at them.
        Ok(_) | Err(ProviderError::Call(CallError::Status { .. })) => {
            Finding::ok("veracore credentials", "accepted")
        }
        Err(error) => refused("veracore credentials", error),
    };
    let since = app.clock.now() - chrono::TimeDelta::days(1);
    let inventory = app.provider.inventory(None).await;
    let shipments = app.provider.shipments(since, None).await;
    vec![
        credentials,
        outcome(
            "veracore order access",
            orders.map(|_| "may look orders up".into()),
        ),
        outcome(
            "veracore inventory access",
            inventory.map(|page| format!("{} rows on the first page", page.rows.len())),
        ),
        outcome(
            "veracore shipment access",
            shipments.map(|page| format!("{} shipments since yesterday", page.rows.len())),
        ),
    ]
}

fn outcome(check: &'static str, outcome: Result<String, ProviderError>) -> Finding {
    match outcome {
        Ok(detail) => Finding::ok(check, detail),
        Err(error) => refused(check, &error),
    }
}

fn refused(check: &'static str, error: &ProviderError) -> Finding {
    let fix = match error.category() {
        ErrorCategory::Network | ErrorCategory::Timeout => {
            "correct VERACORE_API_URL, or let this machine reach it; VERACORE_TIMEOUT_SECONDS if it is slow"
        }
        ErrorCategory::Auth => match error {
            ProviderError::Credentials { .. } => {
                "correct VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET, or VERACORE_AUTH"
            }
            _ => "ask VeraCore for this access for the API client, and check VERACORE_COMPANY_ID",
        },
        ErrorCategory::NotFound => "correct VERACORE_API_URL: the paths /api/… are appended to it",
        ErrorCategory::RateLimited => "lower VERACORE_RATE_LIMIT_PER_SECOND, and try again later",
        _ => {
            "is VERACORE_API_URL the API's (not a web page's), and VERACORE_API_STYLE right? If so, ask VeraCore's support"
        }
    };
    Finding::failed(check, error.to_string(), fix)
}

fn describe(checks: &[Finding]) -> String {
    let mut text = String::new();
    for finding in checks {
        let mark = match finding.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED ",
        };
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
