//! The server against slow, excessive and malicious clients.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::served;
use crate::harness::{Credential, World, get};

/// Sends bytes on a new connection and returns the response until the connection is closed.
async fn raw(address: SocketAddr, bytes: &[u8], limit: Duration) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(limit, stream.read_to_end(&mut answer)).await;
    // A reset is an end, too.
    read.ok()
        .map(|_| String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let world = World::named("headers").real_time().build().await;
    let (mut daemon, api) = served(&world).await;
    let address = daemon.address().await;
    for path in [
        "/healthz",
        "/readyz",
        "/graphql",
        "/nowhere",
        "/vendure-webhooks/order",
    ] {
        let stranger = api.with_credential(Credential::None);
        let answer = stranger
            .request(reqwest::Method::POST, path)
            .send()
            .await
            .unwrap();
        let headers = answer.headers().clone();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"));
        assert!(!headers.contains_key("access-control-allow-origin"));
        let body = answer.text().await.unwrap();
        let version = env!("CARGO_PKG_VERSION");
        for leak in [
            version,
            "async-graphql",
            "axum",
            "hyper",
            "src/",
            "panicked",
        ] {
            assert!(!body.contains(leak), "{path}: {body}");
        }
    }
    let (_, body) = get(&format!("http://{address}/readyz")).await;
    assert!(!body.contains(env!("CARGO_PKG_VERSION")));
    daemon.stop().await;
    world.assert_settled().await;
}

/// Opens a hundred connections that never finish their request headers, one of them byte by byte.
/// Returns how long that one stayed open.
async fn dawdle(address: SocketAddr) -> Duration {
    let start = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = b"GET /healthz HTTP/1.1\r\nHost: a\r\n";
        stream.write_all(head).await.unwrap();
        streams.push(stream);
    }
    let mut first = streams.remove(0);
    let mut bytes = [0; 256];
    while start.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_secs(1)).await;
        let hung_up = timeout(Duration::from_millis(10), first.read(&mut bytes)).await;
        if first.write_all(b"x").await.is_err() || matches!(hung_up, Ok(Ok(0) | Err(_))) {
            break;
        }
    }
    start.elapsed()
}

#[tokio::test]
async fn slow_clients_are_disconnected_and_block_no_one() {
    let world = World::named("slow").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let address = daemon.address().await;
    let others = async {
        sleep(Duration::from_secs(2)).await;
        let start = Instant::now();
        assert_eq!(get(&format!("http://{address}/healthz")).await.0, 200);
        assert!(start.elapsed() < Duration::from_secs(5));
    };
    let body = b"POST /vendure-webhooks/order HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer the token of the tests, long enough\r\nContent-Length: 100\r\n\r\nhalf";
    let half = raw(address, body, Duration::from_secs(40));
    let (heard, half, ()) = tokio::join!(dawdle(address), half, others);
    assert!(
        heard < Duration::from_secs(15),
        "a slow head was waited for {heard:?}"
    );
    let half = half.unwrap();
    assert!(half.starts_with("HTTP/1.1 408"), "{half}");
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn oversized_and_invalid_requests_are_disconnected() {
    let world = World::named("greedy").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let address = daemon.address().await;
    let head = "GET /healthz HTTP/1.1\r\nHost: a\r\n";
    let large = format!("{head}X: {}\r\n\r\n", "a".repeat(64 * 1024));
    let many: String = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
    let many = format!("{head}{many}\r\n");
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    for (bytes, status) in [
        (large.as_bytes(), "431"),
        (many.as_bytes(), "431"),
        (tls, "400"),
    ] {
        let answer = raw(address, bytes, Duration::from_secs(15)).await.unwrap();
        let expected = format!("HTTP/1.1 {status}");
        assert!(
            answer.is_empty() || answer.starts_with(&expected),
            "{answer}"
        );
    }
    assert_eq!(get(&format!("http://{address}/healthz")).await.0, 200);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_stop() {
    let world = World::named("idle").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let address = daemon.address().await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = [0; 1024];
    assert!(idle.read(&mut bytes).await.unwrap() > 0);
    let fresh = TcpStream::connect(address).await.unwrap();
    let start = Instant::now();
    daemon.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    drop((idle, fresh));
    world.assert_settled().await;
}

/// Responses that are never read do not block a connection forever.
#[tokio::test]
async fn clients_that_do_not_read_responses_are_disconnected() {
    let world = World::named("untaken").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1024).unwrap();
    let mut stream = socket.connect(daemon.address().await).await.unwrap();
    let request = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200);
    let start = Instant::now();
    // Send until the server stops reading, then wait for the disconnect.
    while start.elapsed() < Duration::from_secs(60) {
        match timeout(Duration::from_secs(1), stream.write_all(&request)).await {
            Ok(Err(_)) => break,
            Ok(Ok(())) => {}
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
    let ended = start.elapsed();
    assert!(
        ended < Duration::from_secs(50),
        "it was waited for {ended:?}"
    );
    daemon.stop().await;
    world.assert_settled().await;
}
