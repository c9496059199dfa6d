//! How the last calls to an upstream went, for those who ask how it is.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{CallError, HttpResponse};

/// What the last call told. `unknown` until there was one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HealthState {
    #[default]
    Unknown,
    /// It answered.
    Up { at: DateTime<Utc> },
    /// It did not, or only with a server error or a refusal of our credentials.
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
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn record_up(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = HealthState::Up { at: now };
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
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
