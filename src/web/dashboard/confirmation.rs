//! The confirmation page before an action.

use askama::Template;
use axum::response::Response;

use super::{page::PageFrame, session_context::SessionContext};

pub(super) struct Confirmation {
    pub nav_entry: &'static str,
    pub title: String,
    /// A paragraph each.
    pub consequences: Vec<String>,
    pub form_action: String,
    pub label: String,
    pub is_destructive: bool,
    /// The target of Cancel.
    pub back: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: PageFrame,
    confirmation: Confirmation,
}

impl Confirmation {
    pub(super) fn render(self, session: &SessionContext) -> Response {
        let page = ConfirmPage {
            frame: session.frame(self.nav_entry, self.title.clone()),
            confirmation: self,
        };
        session.render(&page)
    }
}
