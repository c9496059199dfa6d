//! `AddOrder`: what is stored, and what is refused with which message.

use super::*;

#[tokio::test]
async fn soap_rest_and_control_share_one_warehouse() {
    let (sandbox, _) = sandbox().await;
    sandbox.set_stock("X", 5);
    let answer = add(&sandbox, "A1", "X", 2).await;
    assert!(answer.contains(
        "<soap:Body><AddOrderResponse xmlns=\"http://omscom/\"><AddOrderResult>\
         <OrderSeqID>100001</OrderSeqID><OrderID>A1</OrderID></AddOrderResult></AddOrderResponse>"
    ));
    let kept = sandbox.order("A1").unwrap();
    assert_eq!(kept.items[0].quantity, 2);
    assert_eq!(kept.items[0].unit_price.as_deref(), Some("9.950"));
    let body = kept.body.as_deref().unwrap();
    assert!(body.contains("<PONumber>PO-7</PONumber>") && body.contains(">***</Password>"));
    let status = get(&sandbox, "/api/orders/A1/status").await.json();
    assert_eq!(status["OrderId"], "VC-100001");
    let shown = get(&sandbox, "/sandbox/orders/A1").await.json();
    assert_eq!(shown["body"], body);
    let stock = get(&sandbox, "/api/inventory/X").await.json();
    assert_eq!(stock["AvailableQuantity"], 3);
    let logged = &sandbox.requests()[0];
    assert_eq!(logged.path, "/pmomsws/oms.asmx");
    assert_eq!(logged.operation.as_deref(), Some("AddOrder"));
    assert_eq!(sandbox.requests()[1].operation, None);
    assert!(!format!("{:?}", sandbox.requests()).contains("sandbox-secret"));
    assert!(!format!("{:?}", sandbox.orders()).contains("sandbox-secret"));

    // A duplicate is refused, whichever API created the order.
    let again = refusal(&sandbox, "AddOrder", &soap_order("A1", "X", 2)).await;
    assert_eq!(again, "Order A1 already exists.");
    send(&sandbox, "R1", "X", 1).await;
    let again = refusal(&sandbox, "AddOrder", &soap_order("R1", "X", 2)).await;
    assert_eq!(again, "Order R1 already exists.");
    assert_eq!(send(&sandbox, "A1", "X", 2).await.status, 409);
    assert_eq!(sandbox.orders().len(), 2);
}

#[tokio::test]
async fn an_order_with_every_element_of_the_wsdl_is_accepted() {
    let (sandbox, _) = sandbox().await;
    let full = soap_order("A1", "X", 2)
        .replace(
            "<FreightCode>",
            "<FreightCarrier><Name>UPS</Name></FreightCarrier><FreightService><Description>Ground\
             </Description></FreightService><ShippingOption /><FreightCode>",
        )
        .replace(
            "</FreightCode>",
            "</FreightCode><NeededBy></NeededBy><Rush>false</Rush><ThirdPartyType>0\
             </ThirdPartyType>",
        )
        .replace(
            "<OrderedBy>",
            "<Money /><Payment><PaymentType><Description>Check</Description></PaymentType>\
             </Payment><OrderVariables><OrderVariable><VariableField><FieldName>F</FieldName>\
             </VariableField><Value>V</Value></OrderVariable></OrderVariables><OrderedBy>",
        )
        .replace(
            "<UnitPrice>9.950</UnitPrice>",
            "<UnitPrice>-1.5</UnitPrice><DiscountPercent p:nil=\"true\" \
             xmlns:p=\"http://www.w3.org/2001/XMLSchema-instance\" /><LineNumber>1</LineNumber>\
             <ProductDetails><OrderProductDetail><PartNumber>X</PartNumber></OrderProductDetail>\
             </ProductDetails>",
        );
    invoke(&sandbox, "AddOrder", &full).await;
    // A separate address instead of the buyer's, linked by the other element.
    let own = soap_order("A2", "X", 1)
        .replace(
            "<OrderShipTo><Flag>OrderedBy</Flag>",
            "<OrderShipTo><FirstName>Bo</FirstName><Address1>2 Side St</Address1>\
             <City>Elko</City><Country>CA</Country><Flag>Other</Flag>",
        )
        .replace("<OrderShipTo><Key>", "<OrderShipToKey><Key>")
        .replace("</OrderShipTo><UnitPrice>", "</OrderShipToKey><UnitPrice>");
    invoke(&sandbox, "AddOrder", &own).await;
    assert!(info(&sandbox, "A2").await.contains(
        "<ShipToInfo><UniqueId /><Contact>Bo</Contact><Company /><Address1>2 Side St</Address1>"
    ));
}

/// A text in a valid order, its replacement, and the error message.
const INVALID: &[(&str, &str, &str)] = &[
    ("<ID>A1</ID>", "", "order/Header/ID is missing"),
    ("<ID>A1</ID>", "<ID>  </ID>", "order/Header/ID is missing"),
    (
        "CompanyName",
        "Company",
        "OrderedBy/Company is not in the WSDL",
    ),
    (
        "<Flag>OrderedBy</Flag><Key>1</Key>",
        "<Flag>OrderedBy</Flag>",
        "OrderShipTo/Key is missing",
    ),
    (
        "<Flag>OrderedBy</Flag><Key>1</Key>",
        "<Key>1</Key><Flag>OrderedBy</Flag>",
        "OrderShipTo[0]/Flag is repeated",
    ),
    (
        "<Flag>OrderedBy</Flag><Key>1</Key>",
        "<Flag>Buyer</Flag><Key>1</Key>",
        "\"Buyer\"",
    ),
    (
        "<Flag>OrderedBy</Flag><Key>1</Key>",
        "<Key>1</Key>",
        "OrderShipTo/Address1 is missing",
    ),
    (
        "</OrderShipTo></ShipTo>",
        "</OrderShipTo><OrderShipTo /></ShipTo>",
        "holds 2 OrderShipTo",
    ),
    (
        "<Quantity>2<",
        "<Quantity>0<",
        "Quantity 0 is not above zero",
    ),
    ("<Quantity>2<", "<Quantity>-1<", "Quantity -1"),
    ("<Quantity>2<", "<Quantity>2.0<", "correct format: \"2.0\""),
    (
        "<Quantity>2</Quantity>",
        "<Quantity />",
        "correct format: \"\"",
    ),
    ("<Quantity>2</Quantity>", "", "Quantity is missing"),
    (
        "9.950",
        "9,95",
        "UnitPrice: Input string was not in a correct format: \"9,95\"",
    ),
    ("9.950", "1e3", "\"1e3\""),
    ("9.950", "", "UnitPrice: Input string"),
    (
        "<OrderShipTo><Key>1<",
        "<OrderShipTo><Key>2<",
        "OrderShipTo/Key 2 is no",
    ),
    ("<ID>X</ID>", "<ID></ID>", "Offer/Header/ID is missing"),
    ("2025-03-04T03:00:00", "2025-03-04", "Header/EntryDate"),
    ("2025-03-04T03:00:00", "", "Header/EntryDate"),
    (
        "2025-03-04T03:00:00",
        "0001-01-01T00:00:00",
        "Header/EntryDate",
    ),
    (
        "<Country>US<",
        "<Country>usa<",
        "usa is not a two-letter code",
    ),
    ("<City>Reno</City>", "", "OrderedBy/City is missing"),
    (
        "<PONumber>PO-7</PONumber>",
        "<PONumber>1</PONumber><PONumber>2</PONumber>",
        "PONumber is repeated",
    ),
    (
        "<order>",
        "<order>text",
        "contains text instead of elements",
    ),
    (
        "<order>",
        "<order xmlns=\"\">",
        "AddOrder/order is in no namespace",
    ),
    ("<Header>", "<Header Id=\"1\">", "has an attribute Id"),
    (
        "<Offers>",
        "<Stream>1</Stream><Offers>",
        "order/Stream is not in the WSDL",
    ),
    (
        "<Shipping>",
        "<Shipping><Rush></Rush>",
        "Shipping/Rush: Input",
    ),
];

#[tokio::test]
async fn a_refusal_names_the_invalid_element() {
    let (sandbox, _) = sandbox().await;
    let long = format!("<City>{}</City>", "x".repeat(51));
    let too_long = (
        "<City>Reno</City>",
        long.as_str(),
        "51 characters; 50 are allowed",
    );
    for (from, to, named) in INVALID.iter().chain([&too_long]) {
        let valid = soap_order("A1", "X", 2);
        assert!(valid.contains(from), "{from}");
        let message = refusal(&sandbox, "AddOrder", &valid.replace(from, to)).await;
        assert!(message.contains(named), "{from} -> {to}: {message}");
    }
    assert!(sandbox.orders().is_empty());
    add(&sandbox, "A1", "X", 2).await;
}
