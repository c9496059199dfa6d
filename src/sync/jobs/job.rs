//! The jobs that run on a schedule, and the rules in which they differ. Pure.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Job {
    Inventory,
    Tracking,
    /// Compares Vendure, the ledger and VeraCore once a day.
    Reconcile,
    /// Deletes expired data from the ledger once a day.
    Maintenance,
}

impl Job {
    pub const ALL: [Self; 4] = [
        Self::Inventory,
        Self::Tracking,
        Self::Reconcile,
        Self::Maintenance,
    ];

    /// The jobs whose schedule is configurable and whose missed runs are reported.
    pub const SYNC: [Self; 2] = [Self::Inventory, Self::Tracking];

    /// Its name in the ledger, the log and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "sync_inventory",
            Self::Tracking => "sync_tracking",
            Self::Reconcile => "reconcile",
            Self::Maintenance => "tidy_ledger",
        }
    }

    /// Its name in events and in the output of commands.
    pub const fn label(self) -> &'static str {
        self.into_str()
    }

    /// Limits the starts of one occurrence; a run needs another start when its process dies or
    /// stops, or an upstream fails. `None`: no limit.
    pub fn max_starts(self) -> Option<u32> {
        (self != Self::Maintenance).then_some(MAX_STARTS)
    }

    /// A run that was started `starts` times may be started again.
    pub fn may_restart(self, starts: u32) -> bool {
        self.max_starts().is_none_or(|max| starts < max)
    }

    /// Missed and interrupted runs are made up outside business hours as well.
    pub const fn catches_up_at_any_hour(self) -> bool {
        !matches!(self, Self::Tracking)
    }

    /// An occurrence before the first start of this installation is due as well.
    pub const fn is_due_before_install(self) -> bool {
        matches!(self, Self::Maintenance)
    }

    /// It needs Vendure and VeraCore, and therefore `SYNC_ENABLED`.
    pub const fn needs_upstreams(self) -> bool {
        !matches!(self, Self::Maintenance)
    }

    /// A missed run raises `schedule.missed`.
    pub const fn reports_missed_runs(self) -> bool {
        matches!(self, Self::Inventory | Self::Tracking)
    }

    /// A failed run is an error. Reconciliation moves nothing, and runs again the next day.
    pub const fn is_critical(self) -> bool {
        !matches!(self, Self::Reconcile)
    }
}

const MAX_STARTS: u32 = 10;
