//! The settings page; pause and resume.

use askama::Template;
use axum::{body::Body, extract::State, http::HeaderMap};

use super::{error_page::PageResult, page::PageFrame, session_context::SessionContext};
use crate::web::{
    access::UPDATE_SETTINGS,
    actions::ActionError,
    settings::{SYNC_ENABLED, SettingView, SettingsError, is_sync_enabled},
    state::WebState,
};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: PageFrame,
    settings: Vec<SettingView>,
    problems: Vec<String>,
    is_paused: bool,
    /// Why sync cannot be paused or resumed here, if so.
    fixed: Option<String>,
    may_act: bool,
}

pub(super) async fn show(State(state): State<WebState>, visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let (settings, problems) = state.settings.list().await?;
    let enabled = settings.iter().find(|setting| setting.key == SYNC_ENABLED);
    let fixed = enabled
        .filter(|setting| !setting.is_changeable)
        .map(|setting| {
            format!(
                "{SYNC_ENABLED} is set by the {}, which overrides a stored value. Change it there.",
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
    enable: bool,
) -> PageResult {
    visit.require(UPDATE_SETTINGS)?;
    visit.read_form(&headers, body).await?;
    if visit.services.agenda.sync_enabled == enable {
        let message = if enable {
            "Sync is already running."
        } else {
            "Sync is already paused."
        };
        return visit.redirect_with_message("/settings", Ok(message.into()));
    }
    let outcome = match store_enabled(state, enable).await {
        Ok(()) => {
            let by = visit.principal.name.as_str();
            tracing::info!(settings = SYNC_ENABLED, by, "settings stored");
            Ok(if enable {
                "Sync resumes within seconds, on every replica.".into()
            } else {
                "Sync pauses within seconds, on every replica. Work in progress is finished, and nothing is lost."
                    .into()
            })
        }
        Err(SettingsError::Rejected(why)) => Err(ActionError::Rejected(why)),
        Err(error) => return Err(error.into()),
    };
    visit.redirect_with_message("/settings", outcome)
}

/// Stores a pause. A resume removes the stored value, and stores `true` only if the configuration
/// below it says `false`.
async fn store_enabled(state: &WebState, enable: bool) -> Result<(), SettingsError> {
    let change = |value: Option<&str>| vec![(SYNC_ENABLED.to_owned(), value.map(Into::into))];
    if !enable {
        return state.settings.store(change(Some("false")), false).await;
    }
    state.settings.store(change(None), false).await?;
    let (settings, _) = state.settings.list().await?;
    if is_sync_enabled(&settings) {
        return Ok(());
    }
    state.settings.store(change(Some("true")), false).await
}
