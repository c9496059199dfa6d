//! Why one SKU has its level: the arithmetic as it would be done now, and what was written before.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{
    super::{
        ACTION_TIMEOUT,
        page::{ErrorPage, PageFrame, PageResult},
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
    asked: String,
    problem: Option<String>,
    levels: Vec<LevelRow>,
    changes: Vec<ChangeRow>,
}

/// The arithmetic behind one level, as it would be done now.
pub(in crate::web::dashboard) async fn show(
    visit: SessionContext,
    QueryParams(asked): QueryParams<SkuQuery>,
) -> PageResult {
    visit.require_reader()?;
    let sku = Sku::parse(asked.sku.trim())
        .map_err(|problem| ErrorPage::new(StatusCode::BAD_REQUEST, format!("{problem}.")))?;
    let explained = visit.services.inventory.explain(&sku);
    let explained = tokio::time::timeout(ACTION_TIMEOUT, explained).await;
    let explanation: StockExplanation = explained
        .map_err(|_| ErrorPage::unavailable("Vendure and VeraCore take too long to answer."))?
        .map_err(actions::ActionError::Ledger)?;
    let reader = visit.time_format();
    let now = explanation.now.as_ref();
    let page = SkuPage {
        frame: PageFrame {
            is_still: true,
            ..visit.frame("inventory", format!("Stock of {}", explanation.sku))
        },
        asked: now.map_or_else(String::new, |now| reader.time_tag(now.asked_at)),
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
        "in flight: at VeraCore, not fulfilled in the shop".to_owned()
    } else {
        format!(
            "in flight: at VeraCore, not fulfilled in the shop ({})",
            orders.join(", ")
        )
    };
    let line = |sign: &str, units: i64, what: &str| (sign.to_owned(), units, what.to_owned());
    let mut lines = vec![line("", n.available.get().into(), "free at VeraCore")];
    if n.safety_stock.get() > 0 {
        lines.push(line("−", n.safety_stock.get().into(), "kept from sale"));
    }
    lines.push(line("+", n.acknowledged.into(), &in_flight));
    if n.waiting_elsewhere > 0 {
        lines.push(line(
            "−",
            n.waiting_elsewhere.into(),
            "promised by other variants of the same goods",
        ));
    }
    lines.push(line(
        "=",
        n.after.into(),
        &format!("should be on hand in the shop; there are {}", n.before),
    ));
    lines.push(line("−", n.allocated, "allocated by the shop"));
    lines.push(line(
        "=",
        (i64::from(n.after) - n.allocated).max(0),
        "can be sold",
    ));
    LevelRow {
        name: format!(
            "{} (variant {}, VeraCore's {})",
            n.sku, n.variant, n.veracore_sku
        ),
        lines,
    }
}
