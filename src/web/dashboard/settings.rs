//! The settings page; pause and resume.

use askama::Template;
use axum::extract::State;
use serde::Deserialize;

use super::{
    error_page::PageResult,
    page::PageFrame,
    session_context::{PathParams, SessionContext, SubmittedForm},
};
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
    /// The source of `SYNC_ENABLED`, if it overrides a stored value.
    overridden_by: Option<String>,
    may_act: bool,
}

pub(super) async fn show(State(state): State<WebState>, session: SessionContext) -> PageResult {
    session.require_reader()?;
    let (settings, problems) = state.settings.list().await?;
    let enabled = settings.iter().find(|setting| setting.key == SYNC_ENABLED);
    let overridden = enabled.filter(|setting| !setting.is_changeable);
    let page = SettingsPage {
        frame: session.frame("settings", "Settings"),
        is_paused: !session.services.agenda.sync_enabled,
        overridden_by: overridden.map(|setting| {
            let source = setting.source.as_ref();
            source.unwrap_or(&setting.origin).clone()
        }),
        problems,
        settings,
        may_act: session.is_permitted(UPDATE_SETTINGS),
    };
    Ok(session.render(&page))
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SyncSwitch {
    Pause,
    Resume,
}

pub(super) async fn set_enabled(
    State(state): State<WebState>,
    PathParams(switch): PathParams<SyncSwitch>,
    SubmittedForm(session): SubmittedForm,
) -> PageResult {
    let enable = switch == SyncSwitch::Resume;
    session.require(UPDATE_SETTINGS)?;
    if session.services.agenda.sync_enabled == enable {
        let message = match enable {
            true => "Sync is already running.",
            false => "Sync is already paused.",
        };
        return session.redirect_with_message("/settings", Ok(message.into()));
    }
    let outcome = match store_enabled(&state, enable).await {
        Ok(()) => {
            let by = session.principal.name.as_str();
            tracing::info!(settings = SYNC_ENABLED, by, "settings stored");
            Ok(match enable {
                true => "Sync resumes within seconds, on every replica.".into(),
                false => "Sync pauses within seconds, on every replica. Work in progress is finished, and nothing is lost.".into(),
            })
        }
        Err(SettingsError::Rejected(reason)) => Err(ActionError::Rejected(reason)),
        Err(error) => return Err(error.into()),
    };
    session.redirect_with_message("/settings", outcome)
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
