//! `healthcheck`: checks that the daemon of this container responds.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{context::CommandResult, output::Output};
use crate::config::{self, Sources};

/// A working process responds at once, whatever else is unavailable.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Enough for the status line.
const MAX_HEAD_BYTES: u64 = 64;

pub(super) async fn execute(sources: &Sources, output: Output) -> CommandResult {
    let address = connect_address(config::load_listen_address(sources)?);
    timeout(RESPONSE_TIMEOUT, check_liveness(address))
        .await
        .with_context(|| format!("{address} did not respond within {RESPONSE_TIMEOUT:?}"))??;
    output.print(&json!({ "healthy": true }), || "healthy".into())
}

/// The loopback address for a daemon that listens on every address.
fn connect_address(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

/// Written by hand, since `http` is for Vendure and VeraCore: no TLS, no redirects, no body.
async fn check_liveness(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    stream.take(MAX_HEAD_BYTES).read_to_end(&mut head).await?;
    let head = String::from_utf8_lossy(&head);
    if head.split(' ').nth(1) != Some("200") {
        bail!(
            "the daemon on {address} is not healthy: {}",
            head.lines().next().unwrap_or_default()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        let asked = |listen: &str| connect_address(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:8080"), "[::1]:8080");
        assert_eq!(asked("10.0.0.7:8080"), "10.0.0.7:8080");
    }
}
