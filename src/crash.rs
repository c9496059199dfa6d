//! Crash points, at which tests kill the process, like `kill -9`.
//!
//! Every write, to an upstream or to the ledger, passes one before and one after. In the shipped
//! daemon they do nothing; with the feature `crash-points` the environment selects the one at which
//! the process dies. Must not be used for anything else.

#[cfg(not(feature = "crash-points"))]
mod points {
    /// A write in progress.
    pub struct CrashPointGuard(());

    /// Marks a write, from here until the guard is dropped.
    pub const fn points_around(_: &'static str, _: &'static str) -> CrashPointGuard {
        CrashPointGuard(())
    }
}

#[cfg(feature = "crash-points")]
mod points {
    use std::{
        fs::OpenOptions,
        io::Write as _,
        sync::{
            OnceLock,
            atomic::{AtomicU32, Ordering},
        },
    };

    /// `kind.name.before` or `kind.name.after`, followed by `#n` for the n-th time.
    const CRASH_AT_VAR: &str = "VERACORE_SYNC_CRASH_AT";

    /// A file to which each passed point is appended, one per line.
    const CRASH_LOG_VAR: &str = "VERACORE_SYNC_CRASH_LOG";

    /// A write in progress.
    pub struct CrashPointGuard {
        kind: &'static str,
        name: &'static str,
    }

    struct CrashPlan {
        crash_at: Option<(String, u32)>,
        hits: AtomicU32,
        log: Option<String>,
    }

    static CRASH_PLAN: OnceLock<CrashPlan> = OnceLock::new();

    /// Marks a write, from here until the guard is dropped.
    pub fn points_around(kind: &'static str, name: &'static str) -> CrashPointGuard {
        reach(kind, name, "before");
        CrashPointGuard { kind, name }
    }

    impl Drop for CrashPointGuard {
        fn drop(&mut self) {
            reach(self.kind, self.name, "after");
        }
    }

    fn reach(kind: &str, name: &str, when: &str) {
        let plan = CRASH_PLAN.get_or_init(CrashPlan::from_env);
        if plan.crash_at.is_none() && plan.log.is_none() {
            return;
        }
        let point = format!("{kind}.{name}.{when}");
        if let Some(log) = &plan.log {
            let file = OpenOptions::new().create(true).append(true).open(log);
            // One write per line, so that several processes can share the file.
            let _ = file.and_then(|mut file| file.write_all(format!("{point}\n").as_bytes()));
        }
        if let Some((at, nth)) = &plan.crash_at
            && *at == point
            && plan.hits.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            std::process::abort();
        }
    }

    impl CrashPlan {
        #[expect(
            clippy::disallowed_methods,
            reason = "for tests of the process, not a setting"
        )]
        fn from_env() -> Self {
            let crash_at = std::env::var(CRASH_AT_VAR)
                .ok()
                .map(|at| match at.split_once('#') {
                    Some((point, nth)) => (point.to_owned(), nth.parse().unwrap_or(1)),
                    None => (at, 1),
                });
            Self {
                crash_at,
                hits: AtomicU32::new(0),
                log: std::env::var(CRASH_LOG_VAR).ok(),
            }
        }
    }
}

pub use points::{CrashPointGuard, points_around};
