//! Each fault: the response for the client, and the state of the warehouse afterwards.

use super::*;
use crate::{
    sandbox::{Fault, FaultKind, Work},
    telemetry::metrics::UpstreamLabel,
};

fn on_orders(kind: FaultKind) -> Fault {
    Fault::on("/api/orders", kind).method("POST").times(1)
}

#[tokio::test]
async fn a_dropped_answer_stores_the_order_and_sends_nothing() {
    let (sandbox, _) = sandbox().await;
    sandbox.add_fault(on_orders(FaultKind::DropAnswer));
    let body = order("A1", "X", 1).to_string();
    let answer = bytes_of(&sandbox, "POST /api/orders", "keep-alive", &body).await;
    assert_eq!(answer, b"");
    assert_eq!(sandbox.orders().len(), 1);
    let logged = &sandbox.requests()[0];
    assert_eq!(
        (logged.status, logged.dropped, logged.fault),
        (Some(201), true, Some("drop_answer"))
    );
    assert!(sandbox.faults().is_empty());
    assert_eq!(send(&sandbox, "A1", "X", 1).await.status, 409);
}

#[tokio::test]
async fn a_dropped_request_stores_nothing() {
    let (sandbox, _) = sandbox().await;
    sandbox.add_fault(on_orders(FaultKind::DropRequest));
    let body = order("A1", "X", 1).to_string();
    let answer = bytes_of(&sandbox, "POST /api/orders", "keep-alive", &body).await;
    assert_eq!(answer, b"");
    assert!(sandbox.orders().is_empty());
    let logged = &sandbox.requests()[0];
    assert_eq!((logged.status, logged.dropped), (None, true));
    assert_eq!(logged.body, body);
}

#[tokio::test]
async fn a_partial_response_promises_the_whole_length() {
    let (sandbox, _) = sandbox().await;
    sandbox.add_fault(on_orders(FaultKind::Partial));
    let body = order("A1", "X", 1).to_string();
    let answer = parse(&bytes_of(&sandbox, "POST /api/orders", "keep-alive", &body).await);
    assert_eq!(answer.status, 201);
    let promised = format!("content-length: {}", answer.body.len() * 2);
    let nearly = format!("content-length: {}", answer.body.len() * 2 + 1);
    assert!(answer.head.contains(&promised) || answer.head.contains(&nearly));
    assert!(answer.text().starts_with('{') && !answer.text().ends_with('}'));
    assert_eq!(sandbox.orders().len(), 1);
    assert!(sandbox.requests()[0].dropped);
}

#[tokio::test]
async fn malformed_json_and_a_gateway_page() {
    let (sandbox, _) = sandbox().await;
    sandbox.add_fault(on_orders(FaultKind::Malformed { done: true }));
    let answer = send(&sandbox, "A1", "X", 1).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    assert_eq!(sandbox.orders().len(), 1);

    sandbox.add_fault(on_orders(FaultKind::Malformed { done: false }));
    let answer = send(&sandbox, "A2", "X", 1).await;
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    sandbox.add_fault(on_orders(FaultKind::Html { done: false }));
    let answer = send(&sandbox, "A2", "X", 1).await;
    assert_eq!(answer.status, 502);
    assert!(answer.head.contains("text/html") && answer.text().starts_with("<!DOCTYPE"));
    assert_eq!(sandbox.orders().len(), 1);
}

#[tokio::test]
async fn a_huge_list_is_valid_json_of_the_exact_length() {
    let (sandbox, _) = sandbox().await;
    for bytes in [2, 100, 155, 156, 157, 3_000_000] {
        let kind = FaultKind::Huge { bytes };
        sandbox.add_fault(Fault::on("/api/inventory", kind).times(1));
        let upstream = reqwest_get(&sandbox, "/api/inventory").await;
        assert_eq!(upstream.len() as u64, bytes);
        serde_json::from_slice::<Vec<Value>>(&upstream).unwrap();
    }
}

/// Decodes the chunks, which the raw client does not.
async fn reqwest_get(sandbox: &Sandbox, path: &str) -> Vec<u8> {
    use crate::http::{Upstream, UpstreamLimits};
    let second = Duration::from_secs(20);
    let limits = UpstreamLimits {
        timeout: second,
        connect_timeout: second,
        max_body_bytes: 10_000_000,
        max_concurrency: 1,
        max_per_second: None,
    };
    let upstream = Upstream::new(
        "sandbox",
        UpstreamLabel::VeraCore,
        limits,
        MockClock::at(noon()),
    )
    .unwrap();
    let url = sandbox.base_url().join(path).unwrap();
    let request = upstream
        .request(reqwest::Method::GET, url)
        .basic_auth("sandbox-client", Some("sandbox-secret"));
    upstream
        .send("get", crate::http::CallKind::Write, request)
        .await
        .unwrap()
        .body
}

#[tokio::test]
async fn a_status_with_its_headers_and_body() {
    let (sandbox, _) = sandbox().await;
    let fault = json!({
        "path": "/api/orders", "kind": "status", "status": 503, "body": {"message": "closed"},
        "headers": {"Retry-After": "7"}, "skip": 1, "times": 1,
    });
    assert_eq!(
        call(&sandbox, "POST /sandbox/faults", fault).await.status,
        200
    );
    assert_eq!(send(&sandbox, "A1", "X", 1).await.status, 201);
    let answer = send(&sandbox, "A2", "X", 1).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 7"));
    assert_eq!(answer.json(), json!({"message": "closed"}));
    assert_eq!(send(&sandbox, "A3", "X", 1).await.status, 201);
    assert!(sandbox.order("A2").is_none());
}

#[tokio::test]
async fn retry_after_is_in_seconds_or_a_date() {
    let (sandbox, _) = sandbox().await;
    for (as_date, wanted) in [
        (false, "retry-after: 90"),
        (true, "retry-after: tue, 04 mar 2025 12:01:30 gmt"),
    ] {
        sandbox.add_fault(on_orders(FaultKind::RateLimited {
            retry_after: 90,
            as_date,
        }));
        let answer = send(&sandbox, "A1", "X", 1).await;
        assert_eq!(answer.status, 429);
        assert!(answer.head.contains(wanted), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_delayed_call_is_executed_although_the_client_disconnects() {
    let (sandbox, _) = sandbox().await;
    for (number, work) in [("B1", Work::Before), ("B2", Work::After)] {
        let milliseconds = 500;
        sandbox.add_fault(on_orders(FaultKind::Delay { milliseconds, work }));
        let body = order(number, "X", 1).to_string();
        let calls = sandbox.requests().len();
        let started = sandbox.wait_until(|sandbox| {
            sandbox.requests().len() > calls
                && (work == Work::After || sandbox.order(number).is_some())
        });
        tokio::select! {
            _ = bytes_of(&sandbox, "POST /api/orders", "close", &body) => panic!("answered"),
            () = started => {}
        }
        assert_eq!(sandbox.order(number).is_some(), work == Work::Before);
        let seen = sandbox.wait_until(|sandbox| {
            sandbox.requests().last().is_some_and(|last| last.dropped)
                && sandbox.order(number).is_some()
        });
        timeout(Duration::from_secs(10), seen).await.unwrap();
    }
    // A client that waits gets its response.
    sandbox.add_fault(on_orders(FaultKind::Delay {
        milliseconds: 50,
        work: Work::Before,
    }));
    assert_eq!(send(&sandbox, "B3", "X", 1).await.status, 201);
    assert!(!sandbox.requests().last().unwrap().dropped);
}

#[tokio::test]
async fn a_sandbox_stops_in_the_middle_of_a_delay() {
    let (sandbox, _) = sandbox().await;
    sandbox.add_fault(on_orders(FaultKind::Delay {
        milliseconds: 60_000,
        work: Work::Before,
    }));
    let addr = sandbox.addr();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = "POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    sandbox
        .wait_until(|sandbox| sandbox.requests().len() == 1)
        .await;
    timeout(Duration::from_secs(5), sandbox.stop())
        .await
        .unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn faults_apply_to_matching_calls_only() {
    let (sandbox, _) = sandbox().await;
    let html = || FaultKind::Html { done: false };
    sandbox.add_fault(Fault::on("/api/orders/*/status", html()).every(2));
    sandbox.add_fault(Fault::on("/api/ship", html()));
    for wanted in [404, 502, 404, 502] {
        let answer = get(&sandbox, "/api/orders/A%2F1/status").await;
        assert_eq!(answer.status, wanted);
    }
    assert_eq!(send(&sandbox, "A1", "X", 1).await.status, 201);
    assert_eq!(get(&sandbox, "/api/shipments").await.status, 200);
    let counts: Vec<_> = sandbox
        .faults()
        .iter()
        .map(|fault| (fault.seen, fault.fired))
        .collect();
    assert_eq!(counts, [(4, 2), (0, 0)]);
    sandbox.clear_faults();
    assert_eq!(get(&sandbox, "/api/orders/A1/status").await.status, 200);
}

#[tokio::test]
async fn invalid_faults_are_refused_together_with_the_valid_ones() {
    let (sandbox, _) = sandbox().await;
    let good = json!({"path": "/api/orders", "kind": "drop_answer"});
    for (bad, named) in [
        (
            json!({"path": "/api", "kind": "partial", "time": 1}),
            "time",
        ),
        (json!({"path": "/api", "kind": "nonsense"}), "nonsense"),
        (json!({"path": "api", "kind": "partial"}), "begin with /"),
        (
            json!({"path": "/api", "kind": "partial", "every": 0}),
            "every",
        ),
        (
            json!({"path": "/api", "kind": "status", "status": 99}),
            "99",
        ),
        (json!({"path": "/api/[", "kind": "partial"}), "["),
    ] {
        let answer = call(&sandbox, "PUT /sandbox/faults", json!([good, bad])).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains(named), "{}", answer.text());
        assert!(sandbox.faults().is_empty());
    }
    let answer = call(&sandbox, "PUT /sandbox/faults", json!([good, good])).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    let answer = call(&sandbox, "DELETE /sandbox/faults", "").await;
    assert_eq!(answer.json(), json!([]));
}
