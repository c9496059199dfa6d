//! Between a replica and the two ends: each call may meet its fate here.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use tokio::sync::Notify;
use veracore_sync::{
    clock::MockClock,
    http::{CallError, RequestSent},
};

use super::world::{Fate, TIMEOUT, World};

type Deed = Box<dyn FnOnce(&mut World) + Send>;

/// What all replicas share: the world, its clock, and requests that are under way still.
pub struct Common {
    pub clock: Arc<MockClock>,
    world: Mutex<World>,
    /// Each with how long the history has lasted when it arrives: clocks may jump.
    late: Mutex<Vec<(i64, Deed)>>,
    /// Seconds.
    lasted: AtomicI64,
}

/// A replica's way to both ends.
pub struct Wire {
    common: Arc<Common>,
    /// Calls to let pass, then what becomes of the next; one after the other.
    fates: Mutex<VecDeque<(u8, Fate)>>,
    /// The process is dead, and waits for nothing but to be dropped.
    pub died: Notify,
    /// A call waits, and goes on when it is told to.
    pub waits: Notify,
    go_on: Notify,
    waiting: AtomicBool,
}

impl Common {
    pub fn new(clock: Arc<MockClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            world: Mutex::default(),
            late: Mutex::default(),
            lasted: AtomicI64::new(0),
        })
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn has_late(&self) -> bool {
        !self.late.lock().unwrap().is_empty()
    }

    fn lasted(&self) -> i64 {
        self.lasted.load(Ordering::SeqCst)
    }

    /// Time passes, and what is under way arrives in the meantime.
    pub fn pass(&self, seconds: i64) {
        let end = self.lasted.fetch_add(seconds, Ordering::SeqCst) + seconds;
        let mut late = std::mem::take(&mut *self.late.lock().unwrap());
        late.sort_by_key(|(at, _)| *at);
        for (at, deed) in late {
            if at <= end {
                deed(&mut self.world());
            } else {
                self.late.lock().unwrap().push((at, deed));
            }
        }
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

impl Wire {
    pub fn new(common: Arc<Common>) -> Arc<Self> {
        Arc::new(Self {
            common,
            fates: Mutex::default(),
            died: Notify::new(),
            waits: Notify::new(),
            go_on: Notify::new(),
            waiting: AtomicBool::new(false),
        })
    }

    /// What the calls from now on meet.
    pub fn meet(&self, fates: &[(u8, Fate)]) {
        *self.fates.lock().unwrap() = fates.iter().copied().collect();
    }

    pub fn go_on(&self) {
        self.waiting.store(false, Ordering::SeqCst);
        self.go_on.notify_one();
    }

    fn fate(&self) -> Option<Fate> {
        let mut fates = self.fates.lock().unwrap();
        let (before, fate) = fates.front_mut()?;
        if *before > 0 {
            *before -= 1;
            return None;
        }
        let fate = *fate;
        fates.pop_front();
        Some(fate)
    }

    /// One call. `deed` is what the other end does; the second time it is told that it is repeated.
    pub async fn call<T: Send + 'static>(
        &self,
        upstream: &'static str,
        write: bool,
        deed: impl Fn(&mut World, bool) -> T + Send + Sync + 'static,
    ) -> Result<T, CallError> {
        let done = || deed(&mut self.common.world(), false);
        let Some(fate) = self.fate() else {
            return Ok(done());
        };
        match fate {
            Fate::NoWay => Err(CallError::Connect {
                upstream,
                operation: "simulated",
                detail: "connection refused".into(),
            }),
            Fate::Fails => Err(CallError::Status {
                upstream,
                operation: "simulated",
                status: 503,
                message: String::new(),
                retry_after: None,
            }),
            Fate::RequestLost => Err(silence(upstream)),
            Fate::AnswerLost => {
                done();
                Err(silence(upstream))
            }
            Fate::Late(seconds) if write => {
                let at = self.common.lasted() + i64::from(seconds);
                let deed: Deed = Box::new(move |world| drop(deed(world, false)));
                self.common.late.lock().unwrap().push((at, deed));
                Err(silence(upstream))
            }
            Fate::Late(_) => Err(silence(upstream)),
            Fate::Twice => {
                let answer = done();
                if write {
                    drop(deed(&mut self.common.world(), true));
                }
                Ok(answer)
            }
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                done();
                self.die().await
            }
            Fate::Waits { done: before } => {
                let asked_at = self.common.lasted();
                let early = before.then(done);
                self.waiting.store(true, Ordering::SeqCst);
                self.waits.notify_one();
                self.go_on.notified().await;
                let late = self.common.lasted() - asked_at >= TIMEOUT;
                match (early, late) {
                    (Some(answer), false) => Ok(answer),
                    (None, false) => Ok(deed(&mut self.common.world(), false)),
                    // Nobody waited for so long; what was not done by then is lost.
                    (_, true) => Err(silence(upstream)),
                }
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

fn silence(upstream: &'static str) -> CallError {
    CallError::Timeout {
        upstream,
        operation: "simulated",
        limit: Duration::from_secs(30),
        sent: RequestSent::Maybe,
    }
}
