//! Crash points: where a test lets the process die, as `kill -9` would.
//!
//! Every write, to either end or to the ledger, crosses one before and one after. In the daemon as
//! it is shipped they are nothing; with the feature `crash-points` the environment chooses the one
//! to die at. Must not be used for anything else.

#[cfg(not(feature = "crash-points"))]
mod points {
    /// A write under way.
    pub struct Crossing(());

    /// Marks a write, from here to where the result is dropped.
    #[must_use]
    pub const fn around(_: &'static str, _: &'static str) -> Crossing {
        Crossing(())
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

    /// `kind.name.before` or `kind.name.after`, with `#n` behind it for the n-th time.
    const AT: &str = "VERACORE_SYNC_CRASH_AT";

    /// A file to which the points that are passed are added, a line each.
    const LOG: &str = "VERACORE_SYNC_CRASH_LOG";

    /// A write under way.
    pub struct Crossing {
        kind: &'static str,
        name: &'static str,
    }

    struct Plan {
        at: Option<(String, u32)>,
        passed: AtomicU32,
        log: Option<String>,
    }

    static PLAN: OnceLock<Plan> = OnceLock::new();

    /// Marks a write, from here to where the result is dropped.
    #[must_use]
    pub fn around(kind: &'static str, name: &'static str) -> Crossing {
        pass(kind, name, "before");
        Crossing { kind, name }
    }

    impl Drop for Crossing {
        fn drop(&mut self) {
            pass(self.kind, self.name, "after");
        }
    }

    fn pass(kind: &str, name: &str, when: &str) {
        let plan = PLAN.get_or_init(Plan::read);
        if plan.at.is_none() && plan.log.is_none() {
            return;
        }
        let point = format!("{kind}.{name}.{when}");
        if let Some(log) = &plan.log {
            let file = OpenOptions::new().create(true).append(true).open(log);
            // One write a line, so that several processes may share a file.
            let _ = file.and_then(|mut file| file.write_all(format!("{point}\n").as_bytes()));
        }
        if let Some((at, nth)) = &plan.at
            && *at == point
            && plan.passed.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            std::process::abort();
        }
    }

    impl Plan {
        #[expect(
            clippy::disallowed_methods,
            reason = "for tests of the process, not a setting"
        )]
        fn read() -> Self {
            let at = std::env::var(AT).ok().map(|at| match at.split_once('#') {
                Some((point, nth)) => (point.to_owned(), nth.parse().unwrap_or(1)),
                None => (at, 1),
            });
            Self {
                at,
                passed: AtomicU32::new(0),
                log: std::env::var(LOG).ok(),
            }
        }
    }
}

pub use points::{Crossing, around};
