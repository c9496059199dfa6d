//! The page between a wish and its fulfilment.

use askama::Template;
use axum::response::Response;

use super::{page::PageFrame, session_context::SessionContext};

/// What is asked before something is done.
pub(super) struct Confirmation {
    pub place: &'static str,
    pub title: String,
    /// What follows from it, a sentence each.
    pub consequences: Vec<String>,
    /// Where the form goes.
    pub act: String,
    pub words: String,
    /// Something is given up by it.
    pub is_grave: bool,
    /// Where the other answer leads.
    pub back: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: PageFrame,
    question: Confirmation,
}

impl Confirmation {
    pub(super) fn render(self, visit: &SessionContext) -> Response {
        let page = ConfirmPage {
            frame: visit.frame(self.place, self.title.clone()),
            question: self,
        };
        visit.render(&page)
    }
}
