//! The server against those who are slow, greedy or curious.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::served;
use crate::harness::{Shows, World, get};

/// What comes back on a connection of its own, until it is closed.
async fn raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(patience, stream.read_to_end(&mut answer)).await;
    // A reset is an end, too.
    read.ok()
        .map(|_| String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn every_answer_keeps_browsers_and_strangers_at_a_distance() {
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
        let stranger = api.showing(Shows::Nothing);
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

#[tokio::test]
async fn whoever_is_slow_or_greedy_is_hung_up_on_and_keeps_nobody_else_waiting() {
    let world = World::named("slow").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let address = daemon.address().await;
    let slow = tokio::spawn(async move {
        let start = Instant::now();
        let mut streams = Vec::new();
        for _ in 0..100 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
                .await
                .unwrap();
            streams.push(stream);
        }
        // A byte now and then, and never an end.
        let mut first = streams.remove(0);
        loop {
            sleep(Duration::from_secs(1)).await;
            if first.write_all(b"x").await.is_err() || start.elapsed() > Duration::from_secs(30) {
                break;
            }
            let mut byte = [0; 256];
            if let Ok(Ok(0)) = timeout(Duration::from_millis(10), first.read(&mut byte)).await {
                break;
            }
        }
        start.elapsed()
    });
    let start = Instant::now();
    assert_eq!(get(&format!("http://{address}/healthz")).await.0, 200);
    assert!(start.elapsed() < Duration::from_secs(5));

    let large = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "a".repeat(64 * 1024)
    );
    let answer = raw(address, large.as_bytes(), Duration::from_secs(15))
        .await
        .unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let mut many = String::from("GET /healthz HTTP/1.1\r\nHost: a\r\n");
    for n in 0..200 {
        many.push_str(&format!("X-{n}: a\r\n"));
    }
    many.push_str("\r\n");
    let answer = raw(address, many.as_bytes(), Duration::from_secs(15))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let garbage = raw(
        address,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        Duration::from_secs(15),
    )
    .await
    .unwrap();
    assert!(
        garbage.is_empty() || garbage.starts_with("HTTP/1.1 400"),
        "{garbage}"
    );
    let body = b"POST /vendure-webhooks/order HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer the token of the tests, long enough\r\nContent-Length: 100\r\n\r\nhalf";
    let answer = raw(address, body, Duration::from_secs(40)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let slow = slow.await.unwrap();
    assert!(
        slow < Duration::from_secs(15),
        "a slow head was waited for {slow:?}"
    );
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_stop_waiting() {
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
