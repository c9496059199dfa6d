//! VeraCore on the bench: a sandbox of a test's own, in either style.
//!
//! Owns what is the same for both: the warehouse's side. What each style says and how it can fail
//! is its [`Face`]'s.

mod oms;
mod rest;

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono_tz::America::Los_Angeles;
use serde_json::Value;
use veracore_sync::{
    clock::{Clock as _, MockClock, SharedClock},
    fulfillment::{FulfillmentProvider, NewOrder},
    http::UpstreamLimits,
    sandbox::{
        self, ArrivedOrder, Fault, FaultKind, Item, LoggedRequest, NewPackage, Sandbox,
        SandboxConfig,
    },
};

pub use self::{oms::Oms, rest::Rest};
use super::bench::{Arrived, Bench, Manner, Parcel, ToldPackage, Trouble};

/// The sandbox's, and so ours.
const PASSWORD: &str = "sandbox-secret";

/// Larger than any answer here.
const MAX_BODY: usize = 1 << 20;

/// Longer than an answer is waited for.
const SILENCE: u64 = 1_500;

/// What is one style's alone.
pub trait Face: Send + Sync + 'static {
    const MANNER: Manner;

    fn client(
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> Arc<dyn FulfillmentProvider>;

    fn is_send(request: &LoggedRequest) -> bool;

    fn arrived(order: &ArrivedOrder) -> Arrived;

    /// The answers that say these rows.
    fn stock(rows: &[(&str, &str)]) -> Vec<Fault>;

    fn packages(rows: &[ToldPackage<'_>]) -> Vec<Fault>;

    /// The answer about `other` to whoever asks for `asked`.
    fn about_another(asked: &str, other: &str) -> Fault;

    /// The faults that are a trouble in one of its ways.
    fn trouble(kind: Trouble) -> Vec<(&'static str, Vec<Fault>)>;

    fn unsendable() -> Vec<(NewOrder, &'static str)>;
}

pub struct AtVeraCore<F> {
    /// Gone when it is down.
    sandbox: Mutex<Option<Sandbox>>,
    /// What had arrived by then.
    left: Mutex<(Vec<ArrivedOrder>, Vec<LoggedRequest>)>,
    client: Arc<dyn FulfillmentProvider>,
    clock: Arc<MockClock>,
    face: PhantomData<F>,
}

impl<F: Face> AtVeraCore<F> {
    fn with<T>(&self, act: impl FnOnce(&Sandbox) -> T) -> T {
        act(self.sandbox.lock().unwrap().as_ref().unwrap())
    }

    /// All that arrived, and all calls.
    fn seen(&self) -> (Vec<ArrivedOrder>, Vec<LoggedRequest>) {
        match &*self.sandbox.lock().unwrap() {
            Some(sandbox) => (sandbox.orders(), sandbox.requests()),
            None => self.left.lock().unwrap().clone(),
        }
    }

    fn beset_by(&self, faults: Vec<Fault>) {
        self.with(|sandbox| {
            for fault in faults {
                sandbox.add_fault(fault);
            }
        });
    }
}

#[async_trait]
impl<F: Face> Bench for AtVeraCore<F> {
    const MANNER: Manner = F::MANNER;

    async fn open() -> Self {
        let clock = MockClock::at("2026-11-20T22:15:00Z".parse().unwrap());
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let config = SandboxConfig {
            // Several pages where the style has them.
            page_size: Some(100),
            ..SandboxConfig::default()
        };
        assert_eq!(
            (config.timezone, &*config.client_secret),
            (Los_Angeles, PASSWORD)
        );
        let sandbox = sandbox::start(config, Arc::clone(&shared)).await.unwrap();
        let limits = UpstreamLimits {
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            max_body_bytes: MAX_BODY,
            max_concurrency: 4,
            max_per_second: None,
        };
        Self {
            client: F::client(&sandbox, limits, shared),
            sandbox: Mutex::new(Some(sandbox)),
            left: Mutex::default(),
            clock,
            face: PhantomData,
        }
    }

    fn provider(&self) -> &dyn FulfillmentProvider {
        &*self.client
    }

    fn clock(&self) -> &MockClock {
        &self.clock
    }

    fn password(&self) -> Option<&'static str> {
        Some(PASSWORD)
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.seen().0.iter().map(F::arrived).collect()
    }

    fn sends(&self) -> usize {
        self.seen().1.iter().filter(|call| F::is_send(call)).count()
    }

    fn stock(&self, levels: &[(&str, u32)]) {
        self.with(|sandbox| {
            for (sku, units) in levels {
                sandbox.set_stock(sku, *units);
            }
        });
    }

    fn ship(&self, number: &str, parcels: &[Parcel<'_>]) {
        let local = self.clock.now().with_timezone(&Los_Angeles);
        let package = |parcel: &Parcel<'_>| {
            let items = parcel.items.iter();
            NewPackage {
                tracking_number: Some(parcel.tracking.into()),
                carrier: Some("UPS".into()),
                service: Some("Ground".into()),
                items: Some(
                    items
                        .map(|(sku, n)| Item::from(((*sku).into(), *n)))
                        .collect(),
                ),
                ship_date: Some(local.format("%Y-%m-%dT%H:%M:%S").to_string()),
                status: None,
            }
        };
        let packages = parcels.iter().map(package).collect();
        self.with(|sandbox| sandbox.ship(number, packages)).unwrap();
    }

    fn void(&self, number: &str, tracking: &str) {
        self.with(|sandbox| sandbox.void(number, tracking)).unwrap();
    }

    fn cancel(&self, number: &str) {
        self.with(|sandbox| sandbox.cancel(number)).unwrap();
    }

    fn tell_stock(&self, rows: &[(&str, &str)]) {
        self.beset_by(F::stock(rows));
    }

    fn tell_packages(&self, rows: &[ToldPackage<'_>]) {
        self.beset_by(F::packages(rows));
    }

    fn confuse(&self, asked: &str, other: &str) {
        self.beset_by(vec![F::about_another(asked, other)]);
    }

    fn trouble(&self, kind: Trouble, way: usize) -> Option<&'static str> {
        let (name, faults) = F::trouble(kind).into_iter().nth(way)?;
        self.beset_by(faults);
        Some(name)
    }

    async fn go_down(&self) {
        *self.left.lock().unwrap() = self.seen();
        let sandbox = self.sandbox.lock().unwrap().take();
        sandbox.unwrap().stop().await;
    }

    fn unsendable(&self) -> Vec<(NewOrder, &'static str)> {
        F::unsendable()
    }
}

/// This answer instead of the right one; nothing is done.
fn instead(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        headers: [].into(),
        done: false,
    }
}

/// This answer, though the work is done.
fn done_but(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        headers: [].into(),
        done: true,
    }
}

/// Ways in which the answer to work that was done is lost, whatever the style.
fn lost_answers() -> Vec<(&'static str, FaultKind)> {
    vec![
        (
            "the connection is closed without an answer",
            FaultKind::DropAnswer,
        ),
        ("half of the promised bytes", FaultKind::Partial),
        (
            "half of the answer's text",
            FaultKind::Malformed { done: true },
        ),
        ("a gateway's page", FaultKind::Html { done: true }),
        ("a bare 500", done_but(500, Value::Null)),
        (
            "silence",
            FaultKind::Delay {
                milliseconds: SILENCE,
                work: sandbox::Work::Before,
            },
        ),
    ]
}

fn lost_requests() -> Vec<(&'static str, FaultKind)> {
    vec![
        (
            "the connection is closed without an answer",
            FaultKind::DropRequest,
        ),
        ("a gateway's page", FaultKind::Html { done: false }),
        ("a bare 503", instead(503, Value::Null)),
    ]
}

/// Answers that are none to anything that is read.
fn nonsense() -> Vec<(&'static str, FaultKind)> {
    vec![
        ("a bare 500", instead(500, Value::Null)),
        ("a gateway's page", FaultKind::Html { done: false }),
        (
            "a page of somebody else's with a 404",
            instead(404, "<html><title>Not Found</title></html>"),
        ),
        (
            "a page with a 200",
            instead(200, "<!DOCTYPE html><html>Log in</html>"),
        ),
        ("an empty answer", instead(200, Value::Null)),
        (
            "half of the answer's text",
            FaultKind::Malformed { done: true },
        ),
        ("half of the promised bytes", FaultKind::Partial),
        ("a redirect", instead(302, Value::Null)),
        ("no UTF-8, nor anything else", instead(200, "\u{fffd}\u{0}")),
        (
            "more than is read",
            FaultKind::Huge {
                bytes: 4 * MAX_BODY as u64,
            },
        ),
        ("refused credentials", instead(403, Value::Null)),
        (
            "too many calls",
            FaultKind::RateLimited {
                retry_after: 30,
                as_date: false,
            },
        ),
        (
            "the connection is closed without an answer",
            FaultKind::DropRequest,
        ),
    ]
}
