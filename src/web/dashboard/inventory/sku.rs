//! Explains the stock of one SKU: today's calculation and earlier changes.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{
    super::{
        error_page::{ACTION_TIMEOUT, ErrorPage, PageResult},
        page::PageFrame,
        session_context::{QueryParams, SessionContext},
    },
    rows::{ChangeRow, change_row},
};
use crate::{
    domain::Sku,
    sync::inventory::{self, StockExplanation},
    web::actions,
};

#[derive(Deserialize)]
pub(in crate::web::dashboard) struct SkuQuery {
    sku: String,
}

struct LevelRow {
    name: String,
    lines: Vec<(String, i64, String)>,
}

#[derive(Template)]
#[template(path = "sku.html")]
struct SkuPage {
    frame: PageFrame,
    sku: String,
    read_at: String,
    problem: Option<String>,
    levels: Vec<LevelRow>,
    changes: Vec<ChangeRow>,
}

pub(in crate::web::dashboard) async fn show(
    visit: SessionContext,
    QueryParams(query): QueryParams<SkuQuery>,
) -> PageResult {
    visit.require_reader()?;
    let sku = Sku::parse(query.sku.trim())
        .map_err(|problem| ErrorPage::new(StatusCode::BAD_REQUEST, format!("{problem}.")))?;
    let explained = visit.services.inventory.explain(&sku);
    let explained = tokio::time::timeout(ACTION_TIMEOUT, explained).await;
    let explanation: StockExplanation = explained
        .map_err(|_| ErrorPage::unavailable("Vendure and VeraCore take too long to respond."))?
        .map_err(actions::ActionError::Ledger)?;
    let reader = visit.time_format();
    let now = explanation.now.as_ref();
    let page = SkuPage {
        frame: PageFrame {
            is_static: true,
            ..visit.frame("inventory", format!("Stock of {}", explanation.sku))
        },
        read_at: now.map_or_else(String::new, |now| reader.time_tag(now.asked_at)),
        problem: explanation.problem.clone(),
        levels: now.map_or_else(Vec::new, |now| now.variants.iter().map(level_row).collect()),
        changes: explanation
            .changes
            .iter()
            .map(|change| change_row(change, &reader))
            .collect(),
        sku: explanation.sku,
    };
    Ok(visit.render(&page))
}

fn level_row(level: &inventory::ExplainedLevel) -> LevelRow {
    let n = &level.numbers;
    let orders: Vec<String> = level
        .orders
        .iter()
        .map(|(code, units)| format!("{code}: {units}"))
        .collect();
    let in_flight = if orders.is_empty() {
        "in flight: at VeraCore, not fulfilled in Vendure".to_owned()
    } else {
        format!(
            "in flight: at VeraCore, not fulfilled in Vendure ({})",
            orders.join(", ")
        )
    };
    let line = |sign: &str, units: i64, term: &str| (sign.to_owned(), units, term.to_owned());
    let mut lines = vec![line("", n.available.get().into(), "available at VeraCore")];
    if n.safety_stock.get() > 0 {
        lines.push(line("−", n.safety_stock.get().into(), "safety stock"));
    }
    lines.push(line("+", n.acknowledged.into(), &in_flight));
    if n.waiting_elsewhere > 0 {
        lines.push(line(
            "−",
            n.waiting_elsewhere.into(),
            "waiting on other variants of the same product",
        ));
    }
    lines.push(line(
        "=",
        n.after.into(),
        &format!("on hand in Vendure (now: {})", n.before),
    ));
    lines.push(line("−", n.allocated, "allocated in Vendure"));
    lines.push(line(
        "=",
        (i64::from(n.after) - n.allocated).max(0),
        "available for sale",
    ));
    LevelRow {
        name: format!(
            "{} (variant {}, {} at VeraCore)",
            n.sku, n.variant, n.veracore_sku
        ),
        lines,
    }
}
