//! The outcome of the last call to an upstream, for health pages and metrics.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{CallError, HttpResponse};

/// The outcome of the last call; `unknown` before the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HealthState {
    #[default]
    Unknown,
    /// It responded.
    Up { at: DateTime<Utc> },
    /// It did not respond, or only with a server error or a refusal of our credentials.
    Down {
        since: DateTime<Utc>,
        problem: String,
    },
}

impl HealthState {
    pub(super) fn record(&mut self, problem: Option<String>, now: DateTime<Utc>) {
        let since = match self {
            Self::Down { since, .. } => *since,
            _ => now,
        };
        *self = match problem {
            None => Self::Up { at: now },
            Some(problem) => Self::Down { since, problem },
        };
    }
}

/// The problem that an outcome shows, by its status.
pub(super) fn problem(outcome: &Result<HttpResponse, CallError>) -> Option<String> {
    match outcome {
        Ok(response) => match response.status {
            status @ (401 | 403) => Some(format!("it refuses our credentials: HTTP {status}")),
            status @ 500.. => Some(format!("HTTP {status}")),
            _ => None,
        },
        Err(error) => Some(error.to_string()),
    }
}
