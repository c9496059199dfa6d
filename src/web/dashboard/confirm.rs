//! The page between a wish and its fulfilment.

use askama::Template;
use axum::response::Response;

use super::{page::Frame, visit::Visit};

/// What is asked before something is done.
pub(super) struct Question {
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
    frame: Frame,
    question: Question,
}

impl Question {
    pub(super) fn ask(self, visit: &Visit) -> Response {
        let page = ConfirmPage {
            frame: visit.frame(self.place, self.title.clone()),
            question: self,
        };
        visit.answer(&page)
    }
}
