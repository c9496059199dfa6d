//! The outcome of the last call to an upstream, for health pages and metrics.

use parking_lot::Mutex;
use std::sync::Arc;

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

/// A handle on an upstream's state. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<Mutex<HealthState>>);

impl Health {
    pub(super) fn state(&self) -> HealthState {
        self.0.lock().clone()
    }

    pub(super) fn record_up(&self, now: DateTime<Utc>) {
        *self.0.lock() = HealthState::Up { at: now };
    }

    pub(super) fn record(&self, outcome: &Result<HttpResponse, CallError>, now: DateTime<Utc>) {
        let problem = match outcome {
            Ok(answer) if matches!(answer.status, 401 | 403) => {
                Some(format!("it refuses us: HTTP {}", answer.status))
            }
            Ok(answer) if answer.status < 500 => None,
            Ok(answer) => Some(format!("HTTP {}", answer.status)),
            Err(error) => Some(error.to_string()),
        };
        let mut state = self.0.lock();
        *state = match (problem, &*state) {
            (None, _) => HealthState::Up { at: now },
            (Some(problem), HealthState::Down { since, .. }) => HealthState::Down {
                since: *since,
                problem,
            },
            (Some(problem), _) => HealthState::Down {
                since: now,
                problem,
            },
        };
    }
}
