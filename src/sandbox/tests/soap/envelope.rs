//! Paths, actions, credentials, SOAP versions, and malicious bodies.

use super::*;

#[tokio::test]
async fn paths_match_in_any_case_and_each_service_has_its_namespace() {
    let (sandbox, _) = sandbox_with(SandboxConfig {
        base_path: "/v1".into(),
        ..SandboxConfig::default()
    })
    .await;
    assert!(sandbox.oms_url().as_str().ends_with("/v1/pmomsws/oms.asmx"));
    let body = envelope("GetOrderInfo", "<orderId>A1</orderId>");
    let mut post = Post::of("GetOrderInfo");
    for (path, status) in [
        ("/v1/PMOMSWS/Oms.ASMX", 200),
        ("/v1/pmomsws/oms.asmx?x=1", 200),
        ("/pmomsws/oms.asmx", 404),
        ("/v1/pmomsws/other.asmx", 404),
        ("/v1/pmomsws", 404),
    ] {
        post.path = path;
        assert_eq!(post.send(&sandbox, &body).await.status, status, "{path}");
    }
    assert_eq!(get(&sandbox, "/v1/pmomsws/oms.asmx").await.status, 405);

    // Each service has its own namespace, in the action, the login and the body.
    post.path = "/v1/pmomsws/order.asmx";
    let wrong = message(&post.send(&sandbox, &body).await);
    assert!(wrong.contains("It should be \"http://sma-promail/GetOrderInfo\""));
    post.action = Some("\"http://sma-promail/GetOrderInfo\"".into());
    let wrong = message(&post.send(&sandbox, &body).await);
    assert!(wrong.contains("GetOrderInfo is not in http://sma-promail/"));
    let right = body.replace(OMS, "http://sma-promail/");
    let answer = post.send(&sandbox, &right).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .text()
            .contains("GetOrderInfoResponse xmlns=\"http://sma-promail/\"")
    );
    let mixed = right.replacen("http://sma-promail/", OMS, 1);
    let mixed = message(&post.send(&sandbox, &mixed).await);
    assert!(mixed.contains("AuthenticationHeader of http://sma-promail/ is missing"));
}

#[tokio::test]
async fn wrong_actions_types_and_credentials_are_refused() {
    let (sandbox, _) = sandbox().await;
    let body = envelope("GetOrderInfo", "<orderId>A1</orderId>");
    for action in [
        None,
        Some("http://omscom/GetOrderInfo"),
        Some("\"http://omscom/AddOrder\""),
        Some("\"GetOrderInfo\""),
        Some("\"\""),
    ] {
        let post = Post {
            action: action.map(str::to_owned),
            ..Post::of("GetOrderInfo")
        };
        let message = message(&post.send(&sandbox, &body).await);
        assert!(message.contains("SOAPAction"), "{action:?}: {message}");
    }
    for content_type in ["application/json", "text/xml; charset=iso-8859-1"] {
        let post = Post {
            content_type,
            ..Post::of("GetOrderInfo")
        };
        assert_eq!(post.send(&sandbox, &body).await.status, 415);
    }
    let post = Post::of("GetOrderInfo");
    let operation = format!("<GetOrderInfo xmlns=\"{OMS}\"><orderId>A1</orderId></GetOrderInfo>");
    for (header, named) in [
        (String::new(), "is missing"),
        (login(OMS, "wrong"), "Invalid user name or password"),
        (login("", "sandbox-secret"), "in no namespace"),
        (login(OMS, "x") + &login(OMS, "x"), "unknown or repeated"),
        (format!("<Other xmlns=\"{OMS}\" />"), "Other is unknown"),
        (
            login(OMS, "x").replace("Username", "UserName"),
            "UserName is not in the WSDL",
        ),
    ] {
        let message = message(&post.send(&sandbox, wrapped(&header, &operation)).await);
        assert!(message.contains(named), "{header}: {message}");
    }
    let header = login(OMS, "sandbox-secret")
        + &format!("<DebugHeader xmlns=\"{OMS}\"><Debug>false</Debug></DebugHeader>");
    let answer = post.send(&sandbox, wrapped(&header, &operation)).await;
    assert_eq!(answer.status, 200);
    assert!(
        refusal(&sandbox, "DropOrders", "")
            .await
            .contains("no operation DropOrders")
    );
    // Wrong credentials are a fault of the operation; the password is not logged.
    let bad = post
        .send(&sandbox, wrapped(&login(OMS, "hush"), &operation))
        .await;
    assert!(bad.text().contains("<faultcode>soap:Server</faultcode>"));
    assert!(!format!("{:?}", sandbox.requests()).contains("hush"));
}

#[tokio::test]
async fn soap_1_2_is_accepted() {
    let (sandbox, _) = sandbox().await;
    let body = envelope("GetOrderInfo", "<orderId>A1</orderId>").replace(
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
    );
    for (content_type, status) in [
        ("application/soap+xml; charset=utf-8", 200),
        (
            "application/soap+xml; charset=utf-8; action=\"http://omscom/GetOrderInfo\"",
            200,
        ),
        (
            "application/soap+xml; action=\"http://omscom/AddOrder\"",
            500,
        ),
        // The envelope's version differs from the content type's.
        ("text/xml", 500),
    ] {
        let post = Post {
            content_type,
            action: None,
            ..Post::of("")
        };
        let answer = post.send(&sandbox, &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let post = Post {
        content_type: "application/soap+xml",
        action: None,
        ..Post::of("")
    };
    let answer = post
        .send(&sandbox, body.replace("sandbox-secret", "no"))
        .await;
    assert!(answer.head.contains("application/soap+xml"));
    assert!(answer.text().contains(
        "<soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code>\
         <soap:Reason><soap:Text xml:lang=\"en\">System.Web.Services.Protocols.SoapException: \
         Server was unable to process request. ---&gt; System.Exception: Invalid user"
    ));
}

#[tokio::test]
async fn malicious_and_malformed_bodies_are_refused() {
    let (sandbox, _) = sandbox().await;
    let valid = envelope("GetOrderInfo", "<orderId>A1</orderId>");
    let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
    let with_dtd = |dtd: &str| valid.replace(declaration, &format!("{declaration}{dtd}"));
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let many: String = (0..5000).map(|n| format!(" a{n}=\"\"")).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            with_dtd("<!DOCTYPE a [<!ENTITY b \"x\"><!ENTITY c \"&b;&b;\">]>")
                .replace("A1", "&c;")
                .into(),
            "document type declaration",
        ),
        (
            with_dtd("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">").into(),
            "document type declaration",
        ),
        (valid.replace("A1", "&b;").into(), "&amp;b;"),
        (valid.replace("A1", "&#0;").into(), "&amp;#0;"),
        (valid.replace("A1", "&#x1F;").into(), "&amp;#x1F;"),
        (valid.replace("A1", "\u{1}").into(), "not allowed in XML"),
        (valid.replace("A1", "a&b").into(), "not well-formed"),
        (valid.replace("A1", &deep).into(), "nested more than"),
        (
            valid.replace("A1", &"x".repeat(2_000_000)).into(),
            "longer than",
        ),
        (
            valid.replace("<orderId", &format!("<orderId{many}")).into(),
            "attributes",
        ),
        (
            valid
                .replace("<orderId>", "<x:orderId>")
                .replace("</orderId>", "</x:orderId>")
                .into(),
            "prefix x",
        ),
        (
            valid.replace("</orderId>", "</orderID>").into(),
            "not well-formed",
        ),
        (
            valid.replace("utf-8", "iso-8859-1").into(),
            "encoding is not UTF-8",
        ),
        (with_dtd("<?target data?>").into(), "processing instruction"),
        (
            valid.replace("A1", "A1<?target data?>").into(),
            "processing instruction",
        ),
        (valid[..valid.len() / 2].into(), "ends inside"),
        (format!("{valid}<a />").into(), "follows"),
        (format!("{valid}text").into(), "outside"),
        (b"".to_vec(), "empty"),
        (b"{\"OrderID\": \"A1\"}".to_vec(), "outside"),
        (
            valid.replace("A1", "A1<b />").into(),
            "contains an element b",
        ),
        (wrapped("", "").into(), "not contain exactly one element"),
        ("<Envelope />".into(), "not an Envelope"),
    ];
    let post = Post::of("GetOrderInfo");
    for (body, named) in cases {
        let message = message(&post.send(&sandbox, &body).await);
        assert!(message.contains(named), "{named}: {message}");
    }
    let mut latin = valid.clone().into_bytes();
    let at = latin.windows(4).position(|four| four == b"A1</").unwrap();
    latin[at] = 0xe9;
    let message = message(&post.send(&sandbox, latin).await);
    assert!(message.contains("not UTF-8"));
    // Allowed: a byte order mark, comments, CDATA, and XML's own references.
    let unusual = valid.replace("A1", "<!-- c --><![CDATA[A]]>&#x31;<!-- d -->");
    assert_eq!(
        post.send(&sandbox, format!("\u{feff}{unusual}"))
            .await
            .status,
        200
    );
}
