//! The bench of VeraCore: a sandbox, in either style. [`StyleBench`] has what differs between the
//! styles.

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
use super::bench::{Arrived, Bench, Capabilities, Failure, Parcel, RawPackage};

/// The sandbox's password.
const PASSWORD: &str = "sandbox-secret";

/// Larger than any response in these tests.
const MAX_BODY: usize = 1 << 20;

/// Longer than the client's timeout.
const SILENCE: u64 = 1_500;

/// The parts that differ between the styles.
pub trait StyleBench: Send + Sync + 'static {
    const CAPABILITIES: Capabilities;

    fn client(
        sandbox: &Sandbox,
        limits: UpstreamLimits,
        clock: SharedClock,
    ) -> Arc<dyn FulfillmentProvider>;

    fn is_send(request: &LoggedRequest) -> bool;

    fn arrived(order: &ArrivedOrder) -> Arrived;

    /// Faults that return these stock rows.
    fn stock(rows: &[(&str, &str)]) -> Vec<Fault>;

    fn packages(rows: &[RawPackage<'_>]) -> Vec<Fault>;

    /// A fault that answers a lookup of `asked` with `other`.
    fn about_another(asked: &str, other: &str) -> Fault;

    /// The forms of a failure, as named faults.
    fn failure(kind: Failure) -> Vec<(&'static str, Vec<Fault>)>;

    fn unsendable() -> Vec<(NewOrder, &'static str)>;
}

pub struct AtVeraCore<F> {
    /// `None` once it is down.
    sandbox: Mutex<Option<Sandbox>>,
    /// The orders and calls before it went down.
    left: Mutex<(Vec<ArrivedOrder>, Vec<LoggedRequest>)>,
    client: Arc<dyn FulfillmentProvider>,
    clock: Arc<MockClock>,
    face: PhantomData<F>,
}

impl<F: StyleBench> AtVeraCore<F> {
    fn with<T>(&self, act: impl FnOnce(&Sandbox) -> T) -> T {
        act(self.sandbox.lock().unwrap().as_ref().unwrap())
    }

    /// All orders and calls.
    fn seen(&self) -> (Vec<ArrivedOrder>, Vec<LoggedRequest>) {
        match &*self.sandbox.lock().unwrap() {
            Some(sandbox) => (sandbox.orders(), sandbox.requests()),
            None => self.left.lock().unwrap().clone(),
        }
    }

    fn inject(&self, faults: Vec<Fault>) {
        self.with(|sandbox| {
            for fault in faults {
                sandbox.add_fault(fault);
            }
        });
    }
}

#[async_trait]
impl<F: StyleBench> Bench for AtVeraCore<F> {
    const CAPABILITIES: Capabilities = F::CAPABILITIES;

    async fn open() -> Self {
        let clock = MockClock::at("2026-11-20T22:15:00Z".parse().unwrap());
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let config = SandboxConfig {
            // Several pages, in the style that has pages.
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

    fn set_stock_rows(&self, rows: &[(&str, &str)]) {
        self.inject(F::stock(rows));
    }

    fn set_package_rows(&self, rows: &[RawPackage<'_>]) {
        self.inject(F::packages(rows));
    }

    fn return_other_order(&self, asked: &str, other: &str) {
        self.inject(vec![F::about_another(asked, other)]);
    }

    fn failure(&self, kind: Failure, way: usize) -> Option<&'static str> {
        let (name, faults) = F::failure(kind).into_iter().nth(way)?;
        self.inject(faults);
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

/// Responds with this; the call is not executed.
fn instead(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        headers: [].into(),
        done: false,
    }
}

/// Responds with this although the call is executed.
fn executed_but(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        headers: [].into(),
        done: true,
    }
}

/// Faults that lose the response of an executed call, in both styles.
fn lost_responses() -> Vec<(&'static str, FaultKind)> {
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
        ("a bare 500", executed_but(500, Value::Null)),
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

/// Malformed responses to reads.
fn nonsense() -> Vec<(&'static str, FaultKind)> {
    vec![
        ("a bare 500", instead(500, Value::Null)),
        ("a gateway's page", FaultKind::Html { done: false }),
        (
            "another server's page with a 404",
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
