//! The simulated network between a replica and both upstreams, which injects the faults.

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
    http::{CallError, CallErrorKind, RequestSent},
};

use super::world::{CallFault, TIMEOUT, World};

type Effect = Box<dyn FnOnce(&mut World) + Send>;

/// Shared by all replicas: the world, its clock, and late requests.
pub struct Common {
    pub clock: Arc<MockClock>,
    world: Mutex<World>,
    /// Each with the elapsed time at which it arrives; the clock may jump.
    late: Mutex<Vec<(i64, Effect)>>,
    /// Seconds since the start of the history.
    elapsed: AtomicI64,
}

/// A replica's connection to both upstreams.
pub struct Wire {
    common: Arc<Common>,
    /// The number of calls that pass, then the fault of the next call.
    faults: Mutex<VecDeque<(u8, CallFault)>>,
    /// Notified when the process has crashed and must be dropped.
    pub crashed: Notify,
    /// Notified when a call is paused until [`Wire::resume`].
    pub paused: Notify,
    resumed: Notify,
    waiting: AtomicBool,
}

impl Common {
    pub fn new(clock: Arc<MockClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            world: Mutex::default(),
            late: Mutex::default(),
            elapsed: AtomicI64::new(0),
        })
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn has_late(&self) -> bool {
        !self.late.lock().unwrap().is_empty()
    }

    fn elapsed(&self) -> i64 {
        self.elapsed.load(Ordering::SeqCst)
    }

    /// Advances time and executes the late requests that arrive meanwhile.
    pub fn pass(&self, seconds: i64) {
        let end = self.elapsed.fetch_add(seconds, Ordering::SeqCst) + seconds;
        let mut late = std::mem::take(&mut *self.late.lock().unwrap());
        late.sort_by_key(|(at, _)| *at);
        for (at, effect) in late {
            if at <= end {
                effect(&mut self.world());
            } else {
                self.late.lock().unwrap().push((at, effect));
            }
        }
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

impl Wire {
    pub fn new(common: Arc<Common>) -> Arc<Self> {
        Arc::new(Self {
            common,
            faults: Mutex::default(),
            crashed: Notify::new(),
            paused: Notify::new(),
            resumed: Notify::new(),
            waiting: AtomicBool::new(false),
        })
    }

    /// Sets the faults of the next calls.
    pub fn set_faults(&self, faults: &[(u8, CallFault)]) {
        *self.faults.lock().unwrap() = faults.iter().copied().collect();
    }

    pub fn resume(&self) {
        self.waiting.store(false, Ordering::SeqCst);
        self.resumed.notify_one();
    }

    fn next_fault(&self) -> Option<CallFault> {
        let mut faults = self.faults.lock().unwrap();
        let (before, fault) = faults.front_mut()?;
        if *before > 0 {
            *before -= 1;
            return None;
        }
        let fault = *fault;
        faults.pop_front();
        Some(fault)
    }

    /// Makes a call. `effect` executes it; its second parameter is true for a repetition.
    pub async fn call<T: Send + 'static>(
        &self,
        upstream: &'static str,
        write: bool,
        effect: impl Fn(&mut World, bool) -> T + Send + Sync + 'static,
    ) -> Result<T, CallError> {
        let done = || effect(&mut self.common.world(), false);
        let Some(fault) = self.next_fault() else {
            return Ok(done());
        };
        match fault {
            CallFault::ConnectionRefused => Err(CallError::new(
                upstream,
                "simulated",
                CallErrorKind::Connect {
                    detail: "connection refused".into(),
                },
            )),
            CallFault::ServerError => Err(CallError::new(
                upstream,
                "simulated",
                CallErrorKind::Status {
                    status: 503,
                    message: String::new(),
                    retry_after: None,
                },
            )),
            CallFault::RequestLost => Err(timeout(upstream)),
            CallFault::ResponseLost => {
                done();
                Err(timeout(upstream))
            }
            CallFault::Late(seconds) if write => {
                let at = self.common.elapsed() + i64::from(seconds);
                let effect: Effect = Box::new(move |world| drop(effect(world, false)));
                self.common.late.lock().unwrap().push((at, effect));
                Err(timeout(upstream))
            }
            CallFault::Late(_) => Err(timeout(upstream)),
            CallFault::Repeated => {
                let answer = done();
                if write {
                    drop(effect(&mut self.common.world(), true));
                }
                Ok(answer)
            }
            CallFault::CrashBefore => self.crash().await,
            CallFault::CrashAfter => {
                done();
                self.crash().await
            }
            CallFault::Slow { done: before } => {
                let called_at = self.common.elapsed();
                let early = before.then(done);
                self.waiting.store(true, Ordering::SeqCst);
                self.paused.notify_one();
                self.resumed.notified().await;
                let timed_out = self.common.elapsed() - called_at >= TIMEOUT;
                match (early, timed_out) {
                    (Some(answer), false) => Ok(answer),
                    (None, false) => Ok(effect(&mut self.common.world(), false)),
                    // The call has timed out; if it was not executed by then, it is lost.
                    (_, true) => Err(timeout(upstream)),
                }
            }
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashed.notify_one();
        std::future::pending().await
    }
}

fn timeout(upstream: &'static str) -> CallError {
    CallError::new(
        upstream,
        "simulated",
        CallErrorKind::Timeout {
            limit: Duration::from_secs(30),
            sent: RequestSent::Maybe,
        },
    )
}
