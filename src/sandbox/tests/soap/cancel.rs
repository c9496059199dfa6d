//! `CancelOrder` by SOAP and JSON, in time and too late.

use super::*;

fn cancel(number: &str, secret: &str) -> String {
    wrapped(
        "",
        &format!(
            "<CancelOrder xmlns=\"http://tempuri.org/\"><OrderData><AuthenticationHeader>\
             <Username>sandbox-client</Username><Password>{secret}</Password>\
             </AuthenticationHeader><CancelOrderWSObject><OrderID>{number}</OrderID>\
             </CancelOrderWSObject></OrderData></CancelOrder>"
        ),
    )
}

#[tokio::test]
async fn an_order_is_cancelled_by_soap_until_picking_starts() {
    let (sandbox, _) = sandbox().await;
    sandbox.set_stock("X", 9);
    for number in ["A1", "A2", "A3", "A4"] {
        add(&sandbox, number, "X", 2).await;
    }
    let mut post = Post {
        path: "/pmomsws/orderadjustment.svc",
        action: Some("\"http://tempuri.org/CancelOrder\"".into()),
        ..Post::of("")
    };
    let answer = post.send(&sandbox, cancel("A1", "sandbox-secret")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .text()
            .contains("<CancelOrderResponse xmlns=\"http://tempuri.org/\">")
    );
    assert_eq!(sandbox.order("A1").unwrap().status(), "Cancelled");
    assert_eq!(sandbox.stock()[0].reserved_quantity, 6);

    sandbox.start_picking("A2").unwrap();
    sandbox.ship("A3", vec![]).unwrap();
    post.path = "/PMOMSWS/OrderAdjustment.svc/soap";
    post.action = None;
    for (number, secret, named) in [
        ("A1", "sandbox-secret", "order A1 is cancelled"),
        ("A2", "sandbox-secret", "already being picked"),
        ("A3", "sandbox-secret", "already shipped"),
        ("A9", "sandbox-secret", "no order A9"),
        ("", "sandbox-secret", "OrderID is missing"),
        ("A4", "wrong", "Invalid user"),
    ] {
        let message = message(&post.send(&sandbox, cancel(number, secret)).await);
        assert!(message.contains(named), "{message}");
    }
    let unknown = cancel("A4", "sandbox-secret").replace("<OrderData>", "<OrderData><Why />");
    let unknown = message(&post.send(&sandbox, unknown).await);
    assert!(unknown.contains("OrderData/Why is unknown"));
    assert_eq!(sandbox.order("A4").unwrap().status(), "Received");
    assert!(!format!("{:?}", sandbox.requests()).contains("sandbox-secret"));
}

#[tokio::test]
async fn an_order_is_cancelled_by_json() {
    let (sandbox, _) = sandbox().await;
    add(&sandbox, "A1", "X", 2).await;
    let body = |number: &str, secret: &str| {
        json!({
            "AuthenticationHeader": {"Username": "sandbox-client", "Password": secret},
            "CancelOrderWSObject": {"OrderID": number},
        })
    };
    let post = "POST /pmomsws/orderadjustment.svc/CancelOrder";
    for (body, status) in [
        (body("A1", "sandbox-sec\"ret"), 403),
        (body("A9", "sandbox-secret"), 500),
        (json!({"CancelOrderWSObject": {"OrderID": "A1"}}), 400),
        (body("A1", "sandbox-secret"), 200),
        (body("A1", "sandbox-secret"), 500),
    ] {
        let answer = call(&sandbox, post, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["Error"].is_string(), status != 200);
    }
    assert_eq!(sandbox.order("A1").unwrap().status(), "Cancelled");
    let log = format!("{:?}", sandbox.requests());
    assert!(!log.contains("sandbox-sec") && !log.contains("ret\\"));
    let last = sandbox.requests().pop().unwrap();
    assert_eq!(last.operation.as_deref(), Some("CancelOrder"));
    assert!(last.body.contains("\"Password\":\"***\""));
}
