//! The requests, byte for byte.

use super::*;

const TAKEN: &str =
    "<AddOrderResult><OrderSeqID>48213</OrderSeqID><OrderID>T-1</OrderID></AddOrderResult>";

/// The request for an order, one element per line.
async fn envelope(order: &NewOrder) -> String {
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", answer("AddOrder", TAKEN)).await;
    fixture.client.submit_order(order).await.unwrap();
    fixture.sent_bodies().await[0].replace("><", ">\n<")
}

#[tokio::test]
async fn a_plain_order() {
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", answer("AddOrder", TAKEN)).await;
    let receipt = fixture.client.submit_order(&order()).await.unwrap();
    assert_eq!(receipt.provider_order_id.as_str(), "T-1");
    let request = &fixture.requests().await[0];
    assert_eq!(request.headers["content-type"], "text/xml; charset=utf-8");
    insta::assert_snapshot!(fixture.sent_bodies().await[0].replace("><", ">\n<"));
}

#[tokio::test]
async fn a_gift_is_paid_by_somebody_else() {
    let mut gift = order();
    gift.ship_to.first_name = text("Mary");
    gift.ship_to.last_name = text("Somerville");
    gift.comments = text("\u{1f381} For you & \"only\" you <3\r\nLeave it at 'the' door\u{7}");
    gift.bill_to = Some(PostalAddress {
        first_name: text("A. A."),
        last_name: text("Lovelace"),
        address_1: text("1 Main St"),
        city: text("Reno"),
        state: text("NV"),
        zip: text("89501"),
        country: text("US"),
        ..PostalAddress::default()
    });
    gift.shipping_method = "WHITE".into();
    insta::assert_snapshot!(envelope(&gift).await);
}

#[tokio::test]
async fn the_payer_need_not_be_said_twice() {
    let mut same = order();
    same.bill_to = Some(PostalAddress {
        phone: None,
        ..same.ship_to.clone()
    });
    assert!(
        envelope(&same)
            .await
            .contains("<BillTo>\n<Flag>OrderedBy</Flag>\n</BillTo>")
    );
    same.bill_to = Some(PostalAddress {
        country: text("US"),
        ..PostalAddress::default()
    });
    assert!(
        envelope(&same)
            .await
            .contains("<BillTo>\n<Flag>OrderedBy</Flag>\n</BillTo>")
    );
}

#[tokio::test]
async fn an_international_order() {
    let mut abroad = order();
    abroad.shipping_method = "AIR".into();
    abroad.customer = Contact {
        first_name: text("Žofie"),
        last_name: text("Müller-O'Neil"),
        email: text("zofie@example.com"),
        phone: text("+420 555 0100"),
    };
    abroad.ship_to = PostalAddress {
        first_name: text("Žofie"),
        last_name: text("Müller-O'Neil"),
        address_1: text("Na Příkopě 1"),
        address_2: text("3. patro"),
        city: text("Praha"),
        zip: text("110 00"),
        country: text("CZ"),
        ..PostalAddress::default()
    };
    insta::assert_snapshot!(envelope(&abroad).await);
}

#[tokio::test]
async fn an_order_to_a_po_box() {
    let mut boxed = order();
    boxed.shipping_method = "POST".into();
    boxed.ship_to.address_1 = text("PO Box 7");
    boxed.ship_to.address_2 = None;
    boxed.ship_to.company = None;
    insta::assert_snapshot!(envelope(&boxed).await);
}

#[tokio::test]
async fn an_order_of_sixty_lines() {
    let mut long = order();
    long.items = (1..=60)
        .map(|at| item(&format!("SKU-{at}"), at, i64::from(at) * 101, 2))
        .collect();
    let sent = envelope(&long).await;
    assert_eq!(sent.matches("<OfferOrdered>").count(), 60);
    insta::assert_snapshot!(sent);
}

#[tokio::test]
async fn the_other_questions() {
    let fixture = OmsFixture::with(|settings| settings.stock_source = StockSource::Products).await;
    let client = &fixture.client;
    let _ = client.find_order(&code("T<1>")).await;
    let _ = client.inventory_page(None).await;
    let _ = client.find_stock_item(&Sku::parse("A & B").unwrap()).await;
    let since = "2026-11-20T10:00:00Z".parse().unwrap();
    let _ = client.shipments_page(since, None).await;
    let bodies = fixture.sent_bodies().await;
    let asked = bodies.iter().map(|body| {
        let from = body.find("<soap:Body>").unwrap() + "<soap:Body>".len();
        let to = body.find("</soap:Body>").unwrap();
        body[from..to].to_owned()
    });
    insta::assert_snapshot!(asked.collect::<Vec<_>>().join("\n"), @r#"
    <GetOrderInfo xmlns="http://omscom/"><orderId>T&lt;1&gt;</orderId></GetOrderInfo>
    <GetOffers xmlns="http://omscom/"><categoryGroupDescription></categoryGroupDescription><mailerUID></mailerUID><searchString>%</searchString><searchID>true</searchID><searchDescription>false</searchDescription><priceClassDescription></priceClassDescription></GetOffers>
    <GetProductAvailabilities xmlns="http://omscom/"><partNumber>A &amp; B</partNumber><owner>ACME</owner></GetProductAvailabilities>
    <GetShippingCharge xmlns="http://omscom/"><StartDate>2026-11-19T00:00:00</StartDate><EndDate>2026-11-22T00:00:00</EndDate></GetShippingCharge>
    "#);
}

#[tokio::test]
async fn the_older_service_has_a_namespace_of_its_own() {
    for (url, set, namespace) in [
        ("https://v.example/pmomsws/OMS.asmx", None, "http://omscom/"),
        (
            "https://v.example/pmomsws/Order.ASMX",
            None,
            "http://sma-promail/",
        ),
        ("https://v.example/x", None, "http://omscom/"),
        ("https://v.example/order.asmx", Some("urn:x"), "urn:x"),
    ] {
        let mut settings = settings(url);
        settings.namespace = set.map(str::to_owned);
        let clock = MockClock::at("2026-11-21T10:00:00Z".parse().unwrap());
        let client = OmsClient::new(settings, clock).unwrap();
        assert_eq!(client.namespace, namespace);
    }
    for url in [
        "http://v.example/oms.asmx",
        "https://u:p@v.example/oms.asmx",
        "https://v.example/oms.asmx?wsdl",
    ] {
        let clock: Arc<MockClock> = MockClock::at("2026-11-21T10:00:00Z".parse().unwrap());
        assert!(OmsClient::new(settings(url), clock).is_err(), "{url}");
    }
}
