//! Settings: each with where it comes from; pause and resume.

use askama::Template;
use axum::{body::Body, extract::State, http::HeaderMap};

use super::{
    UPDATE_SETTINGS,
    page::{Frame, Page, Sorry},
    visit::Visit,
};
use crate::web::{
    WebState,
    settings::{DeskError, ENABLED, ShownSetting, is_enabled},
};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    settings: Vec<ShownSetting>,
    problems: Vec<String>,
    is_paused: bool,
    /// Why it cannot be paused or resumed here, if so.
    fixed: Option<String>,
    may_act: bool,
}

impl From<DeskError> for Sorry {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(message) => {
                Self::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, message)
            }
            DeskError::Away(_) => {
                Self::away("The ledger's database does not answer; try again shortly.")
            }
        }
    }
}

pub(super) async fn show(State(state): State<WebState>, visit: Visit) -> Page {
    visit.ensure_reader()?;
    let (settings, problems) = state.desk.show().await?;
    let enabled = settings.iter().find(|setting| setting.key == ENABLED);
    let fixed = enabled
        .filter(|setting| !setting.is_changeable)
        .map(|setting| {
            format!(
                "{ENABLED} is set by the {}, which wins over what is stored: change it there.",
                setting.source.as_deref().unwrap_or(&setting.origin)
            )
        });
    let page = SettingsPage {
        frame: visit.frame("settings", "Settings"),
        is_paused: !visit.services.agenda.enabled,
        fixed,
        problems,
        settings,
        may_act: visit.may(UPDATE_SETTINGS),
    };
    Ok(visit.answer(&page))
}

pub(super) async fn pause(
    State(state): State<WebState>,
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Page {
    turn(&state, visit, headers, body, false).await
}

pub(super) async fn resume(
    State(state): State<WebState>,
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Page {
    turn(&state, visit, headers, body, true).await
}

async fn turn(state: &WebState, visit: Visit, headers: HeaderMap, body: Body, on: bool) -> Page {
    visit.ensure(UPDATE_SETTINGS)?;
    visit.form(&headers, body).await?;
    if visit.services.agenda.enabled == on {
        let told = if on {
            "It is running already."
        } else {
            "It is paused already."
        };
        return Ok(visit.tell("/settings", Ok(told.into())));
    }
    let told = match store(state, on).await {
        Ok(()) => {
            let by = visit.admitted.name.as_str();
            tracing::info!(settings = ENABLED, by, "settings were stored");
            Ok(if on {
                "It goes on within seconds, on every replica.".into()
            } else {
                "Paused, within seconds and on every replica. Work that has begun is finished; nothing is lost meanwhile."
                    .into()
            })
        }
        Err(DeskError::Refused(why)) => Err(why),
        Err(away) => return Err(away.into()),
    };
    Ok(visit.tell("/settings", told))
}

/// A pause is stored. Its end takes that away again, so that the file has its say; only what is off
/// there is turned on here.
async fn store(state: &WebState, on: bool) -> Result<(), DeskError> {
    let change = |value: Option<&str>| vec![(ENABLED.to_owned(), value.map(Into::into))];
    if !on {
        return state.desk.store(change(Some("false")), false).await;
    }
    state.desk.store(change(None), false).await?;
    let (settings, _) = state.desk.show().await?;
    if is_enabled(&settings) {
        return Ok(());
    }
    state.desk.store(change(Some("true")), false).await
}
