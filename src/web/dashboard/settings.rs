//! Settings: each with where it comes from; pause and resume.

use askama::Template;
use axum::{body::Body, extract::State, http::HeaderMap};

use super::{
    UPDATE_SETTINGS,
    page::{ErrorPage, PageFrame, PageResult},
    session_context::SessionContext,
};
use crate::web::{
    WebState,
    settings::{SYNC_ENABLED, SettingView, SettingsError, is_sync_enabled},
};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: PageFrame,
    settings: Vec<SettingView>,
    problems: Vec<String>,
    is_paused: bool,
    /// Why it cannot be paused or resumed here, if so.
    fixed: Option<String>,
    may_act: bool,
}

impl From<SettingsError> for ErrorPage {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Rejected(message) => {
                Self::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, message)
            }
            SettingsError::Unavailable(_) => {
                Self::unavailable("The ledger's database does not answer; try again shortly.")
            }
        }
    }
}

pub(super) async fn show(State(state): State<WebState>, visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let (settings, problems) = state.settings.list().await?;
    let enabled = settings.iter().find(|setting| setting.key == SYNC_ENABLED);
    let fixed = enabled
        .filter(|setting| !setting.is_changeable)
        .map(|setting| {
            format!(
                "{SYNC_ENABLED} is set by the {}, which wins over what is stored: change it there.",
                setting.source.as_deref().unwrap_or(&setting.origin)
            )
        });
    let page = SettingsPage {
        frame: visit.frame("settings", "Settings"),
        is_paused: !visit.services.agenda.sync_enabled,
        fixed,
        problems,
        settings,
        may_act: visit.is_permitted(UPDATE_SETTINGS),
    };
    Ok(visit.render(&page))
}

pub(super) async fn pause(
    State(state): State<WebState>,
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    set_enabled(&state, visit, headers, body, false).await
}

pub(super) async fn resume(
    State(state): State<WebState>,
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    set_enabled(&state, visit, headers, body, true).await
}

async fn set_enabled(
    state: &WebState,
    visit: SessionContext,
    headers: HeaderMap,
    body: Body,
    on: bool,
) -> PageResult {
    visit.require(UPDATE_SETTINGS)?;
    visit.read_form(&headers, body).await?;
    if visit.services.agenda.sync_enabled == on {
        let told = if on {
            "It is running already."
        } else {
            "It is paused already."
        };
        return Ok(visit.redirect_with_message("/settings", Ok(told.into())));
    }
    let told = match store_enabled(state, on).await {
        Ok(()) => {
            let by = visit.principal.name.as_str();
            tracing::info!(settings = SYNC_ENABLED, by, "settings were stored");
            Ok(if on {
                "It goes on within seconds, on every replica.".into()
            } else {
                "Paused, within seconds and on every replica. Work that has begun is finished; nothing is lost meanwhile."
                    .into()
            })
        }
        Err(SettingsError::Rejected(why)) => Err(why),
        Err(away) => return Err(away.into()),
    };
    Ok(visit.redirect_with_message("/settings", told))
}

/// A pause is stored. Its end takes that away again, so that the file has its say; only what is off
/// there is turned on here.
async fn store_enabled(state: &WebState, on: bool) -> Result<(), SettingsError> {
    let change = |value: Option<&str>| vec![(SYNC_ENABLED.to_owned(), value.map(Into::into))];
    if !on {
        return state.settings.store(change(Some("false")), false).await;
    }
    state.settings.store(change(None), false).await?;
    let (settings, _) = state.settings.list().await?;
    if is_sync_enabled(&settings) {
        return Ok(());
    }
    state.settings.store(change(Some("true")), false).await
}
