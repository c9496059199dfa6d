//! Telling of what fails again and again. Must not know what it is.

/// Something that fails again and again: said once, loudly, and once more when it is over.
pub struct Outage {
    what: &'static str,
    going_on: bool,
}

impl Outage {
    #[must_use]
    pub const fn of(what: &'static str) -> Self {
        Self {
            what,
            going_on: false,
        }
    }

    pub(super) const fn is_going_on(&self) -> bool {
        self.going_on
    }

    pub fn goes_on(&mut self, error: &impl std::fmt::Display) {
        if self.going_on {
            tracing::debug!(%error, "{} still", self.what);
        } else {
            tracing::error!(%error, "{}; trying again until it works", self.what);
        }
        self.going_on = true;
    }

    pub fn is_over(&mut self) {
        if self.going_on {
            tracing::info!("over: {}", self.what);
        }
        self.going_on = false;
    }
}
