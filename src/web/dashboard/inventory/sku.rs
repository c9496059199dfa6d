//! Explains the stock of one SKU: today's calculation and earlier changes.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::{
    error_page::{ACTION_TIMEOUT, ErrorPage, PageResult},
    page::PageFrame,
    session_context::{QueryParams, SessionContext},
    time_format::TimeFormat,
};
use crate::{domain::Sku, sync::inventory::StockExplanation, web::actions::ActionError};

#[derive(Deserialize)]
pub(in crate::web::dashboard) struct SkuQuery {
    sku: String,
}

#[derive(Template)]
#[template(path = "sku.html")]
struct SkuPage {
    frame: PageFrame,
    times: TimeFormat,
    explanation: StockExplanation,
}

pub(in crate::web::dashboard) async fn show(
    session: SessionContext,
    QueryParams(query): QueryParams<SkuQuery>,
) -> PageResult {
    session.require_reader()?;
    let sku = Sku::parse(query.sku.trim())
        .map_err(|problem| ErrorPage::new(StatusCode::BAD_REQUEST, format!("{problem}.")))?;
    let explained = session.services.inventory.explain(&sku);
    let explained = tokio::time::timeout(ACTION_TIMEOUT, explained).await;
    let explanation = explained
        .map_err(|_| ErrorPage::unavailable("Vendure and VeraCore take too long to respond."))?
        .map_err(ActionError::Ledger)?;
    let page = SkuPage {
        frame: PageFrame {
            is_static: true,
            ..session.frame("inventory", format!("Stock of {}", explanation.sku))
        },
        times: session.time_format(),
        explanation,
    };
    Ok(session.render(&page))
}
