//! Hostile responses, and those of another service.

use super::*;

async fn problem(body: &str) -> String {
    let fixture = OmsFixture::new().await;
    fixture.on("GetOrderInfo", xml(200, body)).await;
    let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
    error.to_string()
}

const HEAD: &str = "VeraCore find_order: invalid response: ";

#[tokio::test]
async fn invalid_fields_are_named_and_not_quoted() {
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    let wrong =
        soap_response("GetOrderInfo", "<GetOrderInfoResult/>").replace(NS, "http://sma-promail/");
    let cases = [
        ("", "it is empty"),
        ("{\"OrderId\": 1}", "it is text, not XML"),
        ("<html><body>12 Elm St</body></html>", "it is an HTML page"),
        (
            "<Order><Address1>12 Elm St</Address1></Order>",
            "it is not a SOAP envelope",
        ),
        ("<a", "it is not well-formed XML"),
        ("<a></b>", "it is not a SOAP envelope"),
        (
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>",
            "it declares a document type, which SOAP forbids",
        ),
        (
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>&x;</e:Body></e:Envelope>",
            "it refers to an entity, which SOAP forbids",
        ),
        (
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body/></e:Envelope>",
            "its Body is missing or empty",
        ),
        (
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">",
            "it ends too early",
        ),
        (
            "<f:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"/>",
            "it uses an undeclared prefix",
        ),
        (
            &wrong,
            "its namespace is \"http://sma-promail/\" instead of \"http://omscom/\"; see VERACORE_OMS_NAMESPACE",
        ),
        (
            &soap_response("AddOrder", "<AddOrderResult/>"),
            "it is not the response to GetOrderInfo",
        ),
        (
            &soap_response("GetOrderInfo", &deep),
            "it is more than 32 elements deep",
        ),
        (
            &soap_response(
                "GetOrderInfo",
                "</GetOrderInfoResponse><GetOrderInfoResponse>",
            ),
            "its Body contains more than one response",
        ),
        (
            &format!("{}<x/>", soap_response("GetOrderInfo", "")),
            "it continues after its end",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(problem(body).await, format!("{HEAD}{expected}"));
    }
}

#[tokio::test]
async fn answers_beyond_the_bounds_are_not_kept() {
    let fixture = OmsFixture::with(|settings| settings.limits.max_body_bytes = 8 << 20).await;
    let many = "<a/>".repeat(300_000);
    fixture
        .on("GetOrderInfo", answer("GetOrderInfo", &many))
        .await;
    let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 200000 elements"),
        "{error}"
    );
    fixture
        .on(
            "GetOffers",
            answer(
                "GetOffers",
                &format!(
                    "<GetOffersResult>{}</GetOffersResult>",
                    "<a/>".repeat(500_001)
                ),
            ),
        )
        .await;
    let error = fixture.client.inventory_page(None).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 500000 rows"),
        "{error}"
    );
    let tag = format!("<GetOrderInfoResult {}/>", "a=\"b\" ".repeat(2000));
    assert!(
        problem(&soap_response("GetOrderInfo", &tag))
            .await
            .contains("a tag of more than 4096 bytes")
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_and_answers_that_are_too_large() {
    let fixture = OmsFixture::new().await;
    let bytes = ResponseTemplate::new(200).set_body_raw(b"<a>\xff</a>".as_slice(), "text/xml");
    fixture.on("GetOrderInfo", bytes).await;
    let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{HEAD}it is not UTF-8"));
    let fixture = OmsFixture::new().await;
    let huge = soap_response("GetOrderInfo", &"x".repeat(300 * 1024));
    fixture.on("GetOrderInfo", xml(200, &huge)).await;
    let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
    assert!(
        error.to_string().contains("larger than 262144 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn other_spellings_of_the_same_are_read_alike() {
    let body = "\u{feff}<?xml version='1.0'?><!-- a --><E:Envelope xmlns:E='http://www.w3.org/2003/05/soap-envelope' xmlns:o='http://omscom/'><E:Body><o:GetOrderInfoResponse><o:GetOrderInfoResult><o:OrdHead><o:OrderId><![CDATA[T]]>&#45;&#x31;</o:OrderId></o:OrdHead></o:GetOrderInfoResult></o:GetOrderInfoResponse></E:Body></E:Envelope>\r\n";
    let fixture = OmsFixture::new().await;
    fixture.on("GetOrderInfo", xml(200, body)).await;
    assert!(
        fixture
            .client
            .find_order(&code("T-1"))
            .await
            .unwrap()
            .is_some()
    );
    let fault = "<E:Envelope xmlns:E='http://www.w3.org/2003/05/soap-envelope'><E:Body><E:Fault><E:Code><E:Value>E:Receiver</E:Value></E:Code><E:Reason><E:Text xml:lang='en'>System.Exception: Order was not found</E:Text></E:Reason></E:Fault></E:Body></E:Envelope>";
    let fixture = OmsFixture::new().await;
    fixture.on("GetOrderInfo", xml(500, fault)).await;
    assert_eq!(fixture.client.find_order(&code("T-1")).await, Ok(None));
}
