//! Servers that disconnect, stall or send too much.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::{
    domain::{ErrorCategory, FailureClass},
    http::CallErrorKind,
};

fn client_with_short_timeouts(port: u16) -> RestClient {
    let mut settings = settings(&format!("http://127.0.0.1:{port}"));
    settings.auth = RestAuth::Basic;
    settings.limits.timeout = Duration::from_millis(800);
    settings.limits.connect_timeout = Duration::from_millis(200);
    RestClient::new(settings, mock_clock()).unwrap()
}

/// A server that sends these bytes on each connection, then closes it or keeps it open. It stops
/// when the returned set is dropped.
async fn raw(bytes: String, hang_up: bool) -> (RestClient, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            if !hang_up {
                open.push(stream);
            }
        }
    });
    (client_with_short_timeouts(port), server)
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_truncated_response_leaves_an_order_in_doubt_and_a_list_unread() {
    for bytes in [
        String::new(),
        "HTTP/1.1 200 O".into(),
        head(100) + r#"{"OrderId":"VC-1"}"#,
        head(100) + r#"[]"#,
    ] {
        let (client, _server) = raw(bytes, true).await;
        let error = client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous, "{error}");
        assert_eq!(error.category(), ErrorCategory::Network, "{error}");
        assert!(client.inventory_page(None).await.is_err());
        assert!(client.find_order(&code("T-1")).await.is_err());
    }
}

#[tokio::test]
async fn an_endless_response_times_out() {
    for bytes in [String::new(), head(100), head(100) + "[{"] {
        let (client, _server) = raw(bytes, false).await;
        let error = client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous, "{error}");
        assert_eq!(error.category(), ErrorCategory::Timeout, "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_means_that_nothing_was_sent() {
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = vacant.local_addr().unwrap().port();
    drop(vacant);
    let error = client_with_short_timeouts(port)
        .submit_order(&order())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert_eq!(error.category(), ErrorCategory::Network);
}

#[tokio::test]
async fn connecting_times_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Fill the queue of a server that accepts nobody: the next caller hears nothing.
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        queue.push(stream);
        assert!(queue.len() < 100, "the queue never fills");
    }
    let error = client_with_short_timeouts(address.port())
        .submit_order(&order())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert!(matches!(
        error.call_kind(),
        Some(CallErrorKind::Connect { .. })
    ));
}

#[tokio::test]
async fn an_oversized_response_is_not_read() {
    let body = format!(r#"[{{"SKU":"{}"}}]"#, "x".repeat(64 * 1024));
    let chunk = "1000\r\n".to_owned() + &"x".repeat(4096) + "\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for bytes in [head(body.len()) + &body, chunked + &chunk.repeat(20)] {
        let (client, _server) = raw(bytes, false).await;
        let error = client.inventory_page(None).await.unwrap_err();
        let large = matches!(error.call_kind(), Some(CallErrorKind::TooLarge { .. }));
        assert!(large, "{error}");
        let error = client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous);
    }
}

#[tokio::test]
async fn an_error_page_is_named_and_not_quoted() {
    let fixture = RestFixture::basic().await;
    fixture.on("GET", "inventory", html(502)).await;
    let error = fixture.client.inventory_page(None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"VeraCore inventory: HTTP 502: an HTML page, "Not Found""#
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let fixture = RestFixture::basic().await;
    let moved = ResponseTemplate::new(302).insert_header("Location", "https://evil.example/");
    fixture.on("POST", "orders", moved).await;
    let error = fixture.client.submit_order(&order()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Ambiguous);
    assert!(
        error
            .to_string()
            .contains("a redirect, which is not followed")
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let mut colon = settings("https://v.example");
    colon.credentials.client_id = "a:b".into();
    assert!(matches!(
        RestClient::new(colon, mock_clock()),
        Err(ClientBuildError::ColonInClientId)
    ));
    assert!(matches!(
        RestClient::new(settings("http://v.example"), mock_clock()),
        Err(ClientBuildError::InsecureUrl)
    ));
}
