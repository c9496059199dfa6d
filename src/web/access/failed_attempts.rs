//! Throttles addresses that send wrong credentials.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::time::Instant;

use crate::web::request_error::RequestError;

/// Wrong credentials that an address may send within [`WINDOW`].
const MAX_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// Bounds the memory. An attacker with more addresses is slowed by the limit on concurrent lookups.
const MAX_ADDRESSES: usize = 10_000;

struct Window {
    since: Instant,
    failures: u32,
}

/// Recent wrong credentials, by address.
#[derive(Default)]
pub(in crate::web) struct FailedAttempts(Mutex<HashMap<IpAddr, Window>>);

/// The IPv4 address, or the IPv6 /64 network: one subscriber usually has all of it.
fn rate_limit_key(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

impl FailedAttempts {
    pub(super) fn check(&self, peer: IpAddr, now: Instant) -> Result<(), RequestError> {
        let windows = self.0.lock();
        let Some(window) = windows.get(&rate_limit_key(peer)) else {
            return Ok(());
        };
        let left = WINDOW.saturating_sub(now.duration_since(window.since));
        if window.failures < MAX_FAILURES || left.is_zero() {
            return Ok(());
        }
        Err(RequestError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many failed attempts from this address. Try again later.",
        )
        .with_retry_after(left + Duration::from_secs(1)))
    }

    pub(super) fn record(&self, peer: IpAddr, now: Instant) {
        let mut windows = self.0.lock();
        if windows.len() >= MAX_ADDRESSES {
            windows.retain(|_, window| now.duration_since(window.since) < WINDOW);
        }
        if windows.len() >= MAX_ADDRESSES {
            windows.clear();
        }
        let fresh = || Window {
            since: now,
            failures: 0,
        };
        let window = windows.entry(rate_limit_key(peer)).or_insert_with(fresh);
        if now.duration_since(window.since) >= WINDOW {
            *window = fresh();
        }
        window.failures += 1;
        if window.failures == MAX_FAILURES {
            // Once a window, and without any text that a caller can choose.
            tracing::warn!(address = %rate_limit_key(peer), "too many wrong credentials; address blocked for a minute");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_wrong_ten_times_a_minute() {
        let failures = FailedAttempts::default();
        let now = Instant::now();
        let peer: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..MAX_FAILURES {
            assert_eq!(failures.check(peer, now), Ok(()));
            failures.record(peer, now);
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        let refused = failures.check(neighbour, now).unwrap_err();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        for other in ["2001:db8:0:1::1", "192.0.2.1"] {
            assert_eq!(
                failures.check(other.parse().unwrap(), now),
                Ok(()),
                "{other}"
            );
        }
        let later = now + refused.retry_after.unwrap();
        assert_eq!(failures.check(peer, later), Ok(()));
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let failures = FailedAttempts::default();
        let now = Instant::now();
        for n in 0..30_000_u32 {
            failures.record(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(failures.0.lock().len() <= MAX_ADDRESSES);
    }
}
