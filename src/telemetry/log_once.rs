//! Logs a repeated failure once when it begins and once when it ends.

/// A repeated failure: logged as an error once, and again when it is over.
pub struct LogOnce {
    problem: &'static str,
    failing: bool,
}

impl LogOnce {
    pub const fn new(problem: &'static str) -> Self {
        Self {
            problem,
            failing: false,
        }
    }

    pub const fn is_failing(&self) -> bool {
        self.failing
    }

    pub fn log_failure(&mut self, error: &impl std::fmt::Display) {
        if self.failing {
            tracing::debug!(%error, "{} still", self.problem);
        } else {
            tracing::error!(%error, "{}; retrying until it succeeds", self.problem);
        }
        self.failing = true;
    }

    pub fn log_recovery(&mut self) {
        if self.failing {
            tracing::info!("resolved: {}", self.problem);
        }
        self.failing = false;
    }
}
