//! The settings of a sandbox.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use chrono_tz::Tz;
use url::Url;

/// The first path segment of the control API; a base path must not begin with it.
const CONTROL_ROOT: &str = "sandbox";

pub(super) fn is_for_control(path: &str) -> bool {
    path.split('/').nth(1) == Some(CONTROL_ROOT)
}

/// The response of `GetOrderInfo` for an unknown order. The real one is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownOrder {
    /// `<OrdHead />`.
    Empty,
    /// An `OrdHead` with .NET's default values: dates in the year 1, zeros, all flags false.
    Blank,
    Fault,
}

/// The settings of a sandbox; see [`SandboxConfig::default`].
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Prefix of all paths of the VeraCore APIs, such as `/v1`; may be empty.
    pub base_path: String,
    pub company_id: String,
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
    /// Accepts HTTP Basic on all paths, not only on `/api/token`.
    pub basic: bool,
    /// Rows per page; with `None`, lists are bare arrays.
    pub page_size: Option<usize>,
    /// Validates `from` of the shipments call, then ignores it.
    pub ignore_from: bool,
    /// Omits optional fields: `OrderId` of a status; `ShipmentId`, `Service` and `Items` of a
    /// shipment; the products of a pick slip in `oms`.
    pub sparse: bool,
    /// The time zone of dates in SOAP, which carry none.
    pub timezone: Tz,
    pub unknown_order: UnknownOrder,
    /// Omits void packages from `GetShippingCharge`; otherwise they have a `DateVoided`.
    pub omit_void_charges: bool,
    /// Splits the stock in `GetProductAvailabilities` between two warehouses.
    pub two_warehouses: bool,
    /// Lists all products for `GetProductAvailabilities` without a `partNumber`; otherwise such a
    /// call is refused.
    pub all_parts: bool,
    /// Port 0 picks a free one.
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
    /// `v1/`, `/v1/` and `/v1` become `/v1`; `/` becomes empty.
    pub(super) fn normalized(mut self) -> io::Result<Self> {
        let trimmed = self.base_path.trim_matches('/');
        let base = if trimmed.is_empty() {
            String::new()
        } else {
            format!("/{trimmed}")
        };
        if is_for_control(&base) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the base path /sandbox is reserved for the control API",
            ));
        }
        self.base_path = base;
        Ok(self)
    }

    /// The part of a path after the base path; `None` if the path is outside of it.
    pub(super) fn strip_base<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.base_path.as_str())
            .filter(|rest| rest.starts_with('/'))
    }
}

/// The URL of a listener for clients on this machine.
pub(super) fn url_of(addr: SocketAddr, path: &str) -> io::Result<Url> {
    let ip = match addr.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let text = format!("http://{}{path}", SocketAddr::new(ip, addr.port()));
    Url::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
