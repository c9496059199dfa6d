//! How a sandbox is set up.
//!
//! Owns the settings and the base path's spelling. Must not read the environment or any file.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use chrono_tz::Tz;
use url::Url;

/// The first segment of the control API's paths; no base path may begin with it.
pub(super) const ROOT: &str = "sandbox";

pub(super) fn is_for_control(path: &str) -> bool {
    path.split('/').nth(1) == Some(ROOT)
}

/// An answer to the question for an order that is not there. Nobody has written down which of
/// these the real one gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownOrder {
    /// `<OrdHead />`.
    Empty,
    /// An `OrdHead` with what .NET makes of nothing: dates of the year 1, zeros, all flags false.
    Blank,
    Fault,
}

/// The settings of a sandbox; see [`SandboxConfig::default`].
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Before every path of the VeraCore face: `/v1`; empty for none.
    pub base_path: String,
    pub company_id: String,
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
    /// Whether HTTP Basic opens the paths other than the token's.
    pub basic: bool,
    /// Rows of a page; `None`: lists are bare arrays.
    pub page_size: Option<usize>,
    /// Whether `from` of the shipments is read and then ignored.
    pub ignore_from: bool,
    /// Whether optional fields (`OrderId` of a status; `ShipmentId`, `Service` and `Items` of a
    /// shipment; the products of a pick slip in `oms`) are left out.
    pub sparse: bool,
    /// The zone of the dates in SOAP, which name none.
    pub timezone: Tz,
    /// What `GetOrderInfo` says of an order that is not there.
    pub unknown_order: UnknownOrder,
    /// Whether `GetShippingCharge` leaves void packages out; else they have a `DateVoided`.
    pub omit_void_charges: bool,
    /// Whether `GetProductAvailabilities` tells the stock in two parts.
    pub two_warehouses: bool,
    /// Whether `GetProductAvailabilities` without a `partNumber` means all; else it is refused.
    pub all_parts: bool,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            base_path: String::new(),
            company_id: "sandbox-company".into(),
            client_id: "sandbox-client".into(),
            client_secret: "sandbox-secret".into(),
            token_lifetime: Duration::from_secs(3600),
            basic: true,
            page_size: None,
            ignore_from: false,
            sparse: false,
            timezone: chrono_tz::America::Los_Angeles,
            unknown_order: UnknownOrder::Empty,
            omit_void_charges: false,
            two_warehouses: false,
            all_parts: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

impl SandboxConfig {
    /// `v1/`, `/v1/` and `/v1` become `/v1`; `/` becomes nothing.
    pub(super) fn tidied(mut self) -> io::Result<Self> {
        let trimmed = self.base_path.trim_matches('/');
        let base = if trimmed.is_empty() {
            String::new()
        } else {
            format!("/{trimmed}")
        };
        if is_for_control(&base) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the base path /sandbox is taken by the control API",
            ));
        }
        self.base_path = base;
        Ok(self)
    }

    /// What follows the base path; `None` for a path outside it.
    pub(super) fn strip_base<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.base_path.as_str())
            .filter(|rest| rest.starts_with('/'))
    }
}

/// The URL at which this machine reaches a listener.
pub(super) fn url_of(addr: SocketAddr, path: &str) -> io::Result<Url> {
    let ip = match addr.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let text = format!("http://{}{path}", SocketAddr::new(ip, addr.port()));
    Url::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
