//! Cancellation requests.

use super::*;
use crate::domain::FailureClass;

async fn fixture(style: CancelProtocol, place: &str, answer: ResponseTemplate) -> OmsFixture {
    let fixture = OmsFixture::with(|settings| settings.cancel.protocol = style).await;
    Mock::given(method("POST"))
        .and(path(format!("/pmomsws/orderadjustment.svc/{place}")))
        .respond_with(answer)
        .mount(&fixture.server)
        .await;
    fixture
}

async fn by_soap(answer: ResponseTemplate) -> Result<CancelResponse, ProviderError> {
    let fixture = fixture(CancelProtocol::Soap, "soap", answer).await;
    fixture.client.cancel_order(&code("T-1")).await
}

async fn by_json(status: u16, body: &str) -> Result<CancelResponse, ProviderError> {
    let answer = ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json");
    let fixture = fixture(CancelProtocol::Json, "CancelOrder", answer).await;
    fixture.client.cancel_order(&code("T-1")).await
}

fn refused(message: &str) -> Result<CancelResponse, ProviderError> {
    Ok(CancelResponse::Refused {
        message: message.into(),
    })
}

#[tokio::test]
async fn what_is_asked() {
    let scene_soap = fixture(CancelProtocol::Soap, "soap", ResponseTemplate::new(200)).await;
    assert!(scene_soap.client.supports_cancellation());
    let _ = scene_soap.client.cancel_order(&code("T<1")).await;
    let request = &scene_soap.requests().await[0];
    assert_eq!(
        request.headers["soapaction"],
        "\"http://tempuri.org/CancelOrder\""
    );
    insta::assert_snapshot!(scene_soap.sent_bodies().await[0].replace("><", ">\n<"), @r#"
    <?xml version="1.0" encoding="utf-8"?>
    <soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
    <soap:Body>
    <CancelOrder xmlns="http://tempuri.org/">
    <OrderData>
    <AuthenticationHeader>
    <Username>wsuser</Username>
    <Password>s3cr3t-of-the-user</Password>
    </AuthenticationHeader>
    <CancelOrderWSObject>
    <OrderID>T&lt;1</OrderID>
    </CancelOrderWSObject>
    </OrderData>
    </CancelOrder>
    </soap:Body>
    </soap:Envelope>
    "#);
    let scene_json = fixture(
        CancelProtocol::Json,
        "CancelOrder",
        ResponseTemplate::new(200),
    )
    .await;
    let _ = scene_json.client.cancel_order(&code("T-1")).await;
    insta::assert_snapshot!(scene_json.sent_bodies().await[0], @r#"{"AuthenticationHeader":{"Password":"s3cr3t-of-the-user","Username":"wsuser"},"CancelOrderWSObject":{"OrderID":"T-1"}}"#);
}

#[tokio::test]
async fn soap_answers() {
    let done = soap_response("CancelOrder", "<CancelOrderResult>true</CancelOrderResult>");
    assert_eq!(by_soap(xml(200, &done)).await, Ok(CancelResponse::Accepted));
    let done = soap_response("CancelOrder", "").replace(NS, "urn:unknown");
    assert_eq!(by_soap(xml(200, &done)).await, Ok(CancelResponse::Accepted));
    let not = soap_response(
        "CancelOrder",
        "<CancelOrderResult><Error>T-1 cannot be\ncancelled</Error></CancelOrderResult>",
    );
    assert_eq!(
        by_soap(xml(200, &not)).await,
        refused("T-1 cannot be cancelled")
    );
    let shipped = fault(500, "The order has shipped");
    assert_eq!(by_soap(shipped).await, refused("The order has shipped"));
    for unknown in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200),
        html(200),
        fault(500, "Timeout expired"),
    ] {
        let answer = by_soap(unknown).await.unwrap();
        assert!(
            matches!(answer, CancelResponse::Ambiguous { .. }),
            "{answer:?}"
        );
    }
    for (answer, class) in [
        (fault(500, "Invalid login"), FailureClass::Transient),
        (
            fault(500, "No permission for CancelOrder"),
            FailureClass::Transient,
        ),
        (html(401), FailureClass::Transient),
        (html(404), FailureClass::Permanent),
    ] {
        assert_eq!(by_soap(answer).await.unwrap_err().class(), class);
    }
}

#[tokio::test]
async fn json_answers() {
    for done in [
        "",
        "{}",
        "null",
        "true",
        r#"{"CancelOrderResult":{"Success":true,"Error":null}}"#,
    ] {
        assert_eq!(
            by_json(200, done).await,
            Ok(CancelResponse::Accepted),
            "{done}"
        );
    }
    assert_eq!(
        by_json(200, r#"{"Error":"shipped"}"#).await,
        refused("error: shipped")
    );
    assert_eq!(
        by_json(200, r#"{"d":{"Success":false}}"#).await,
        refused("false")
    );
    assert_eq!(by_json(400, r#"{"Message":"no"}"#).await, refused("no"));
    for (status, body) in [(200, "<html>"), (200, "{"), (500, r#"{"Message":"no"}"#)] {
        let answer = by_json(status, body).await.unwrap();
        assert!(
            matches!(answer, CancelResponse::Ambiguous { .. }),
            "{answer:?}"
        );
    }
    assert_eq!(
        by_json(401, "").await.unwrap_err().class(),
        FailureClass::Transient
    );
    assert!(by_json(405, "").await.is_err());
}
