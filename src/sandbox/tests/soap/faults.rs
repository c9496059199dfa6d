//! Injected faults on the paths of `oms`, for one or all operations.

use super::*;
use crate::sandbox::{Fault, FaultKind};

fn on_add(kind: FaultKind) -> Fault {
    Fault::on("/pmomsws/oms.asmx", kind)
        .operation("AddOrder")
        .times(1)
}

#[tokio::test]
async fn a_fault_can_apply_to_one_operation_in_any_case() {
    let (sandbox, _) = sandbox().await;
    let fault = json!({
        "path": "/PMOMSWS/*.asmx", "operation": "addorder", "kind": "drop_answer", "times": 1,
    });
    let answer = call(&sandbox, "POST /sandbox/faults", fault).await;
    assert_eq!(answer.status, 200);
    info(&sandbox, "A1").await;
    let body = envelope("AddOrder", &soap_order("A1", "X", 1));
    let post = Post {
        path: "/pmomsws/OMS.asmx",
        ..Post::of("AddOrder")
    };
    assert_eq!(post.bytes(&sandbox, body.as_bytes()).await, b"");
    assert_eq!(sandbox.orders().len(), 1);
    let logged = sandbox.requests().pop().unwrap();
    assert_eq!(
        (logged.status, logged.dropped, logged.fault),
        (Some(200), true, Some("drop_answer"))
    );
    let again = post.send(&sandbox, &body).await;
    assert!(message(&again).contains("already exists"));

    // The operation is known without an action, too; REST has none.
    sandbox.add_fault(Fault::on("/", FaultKind::DropRequest).operation("AddOrder"));
    let unnamed = Post {
        action: None,
        ..Post::of("")
    };
    assert_eq!(unnamed.bytes(&sandbox, body.as_bytes()).await, b"");
    assert_eq!(get(&sandbox, "/api/orders/A1/status").await.status, 200);
}

#[tokio::test]
async fn faults_produce_xml_responses() {
    let (sandbox, _) = sandbox().await;
    let order = soap_order("A1", "X", 1);
    sandbox.add_fault(on_add(FaultKind::Malformed { done: true }));
    let answer = ask(&sandbox, "AddOrder", &order).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("text/xml") && answer.text().starts_with("<?xml "));
    assert!(!answer.text().contains("</soap:Envelope>"));
    assert_eq!(sandbox.orders().len(), 1);

    let order = soap_order("A2", "X", 1);
    sandbox.add_fault(on_add(FaultKind::Malformed { done: false }));
    let answer = ask(&sandbox, "AddOrder", &order).await;
    assert!(answer.text().starts_with("<soap:Envelope>"));
    sandbox.add_fault(on_add(FaultKind::Html { done: false }));
    assert_eq!(ask(&sandbox, "AddOrder", &order).await.status, 502);
    let retry_after = 90;
    sandbox.add_fault(on_add(FaultKind::RateLimited {
        retry_after,
        as_date: false,
    }));
    let answer = ask(&sandbox, "AddOrder", &order).await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 90"));
    sandbox.add_fault(on_add(FaultKind::DropRequest));
    let post = Post::of("AddOrder");
    let body = envelope("AddOrder", &order);
    assert_eq!(post.bytes(&sandbox, body.as_bytes()).await, b"");
    assert_eq!(sandbox.orders().len(), 1);

    sandbox.add_fault(on_add(FaultKind::Partial));
    let half = post.send(&sandbox, &body).await;
    assert!(half.text().starts_with("<?xml ") && !half.text().ends_with("Envelope>"));
    assert_eq!(sandbox.orders().len(), 2);
    let milliseconds = 20;
    sandbox.add_fault(on_add(FaultKind::Delay {
        milliseconds,
        work: crate::sandbox::Work::After,
    }));
    add(&sandbox, "A3", "X", 1).await;
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_status_can_have_a_custom_body() {
    let (sandbox, _) = sandbox().await;
    let body = "<soap:Envelope>Invalid Source</soap:Envelope>";
    sandbox.add_fault(on_add(FaultKind::Status {
        status: 500,
        body: json!(body),
        headers: [("Content-Type".to_owned(), "text/xml".to_owned())].into(),
        done: true,
    }));
    let answer = ask(&sandbox, "AddOrder", &soap_order("A1", "X", 1)).await;
    assert_eq!((answer.status, answer.text().as_str()), (500, body));
    assert_eq!(sandbox.orders().len(), 1);
}

#[tokio::test]
async fn a_huge_response_is_xml_of_the_exact_length() {
    let (sandbox, _) = sandbox().await;
    for bytes in [600, 601, 2_000_000] {
        let kind = FaultKind::Huge { bytes };
        sandbox.add_fault(Fault::on("/pmomsws", kind).times(1));
        let answer = ask(&sandbox, "GetOffers", "").await;
        assert!(answer.head.contains("text/xml"));
        let whole = decode_chunks(&answer.body);
        assert_eq!(whole.len() as u64, bytes);
        let text = String::from_utf8(whole).unwrap();
        assert!(text.starts_with("<soap:Envelope") && text.ends_with("</soap:Envelope>"));
        let rows = text.matches("<ID>").count();
        assert!(rows > 0 && rows == text.matches("</GetOfferResult>").count());
    }
}

fn decode_chunks(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
}
