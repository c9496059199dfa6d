//! Nearly valid and random responses: no parser panics, and every message is one short line.

use proptest::{prelude::*, sample::Index};

use super::{
    super::{
        faults::{FaultContext, SoapFault},
        order, order_info,
        soap::{self, ExpectedResponse, SoapBody},
        stock::offer_row,
        xml::{self, Element, ElementVisitor, XmlWriter},
    },
    *,
};
use crate::fulfillment::veracore::common::error_body::redacted_line;
use crate::fuzz_tests::{assert_one_line, mutated, oversized_documents};

const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Body>";

const ANSWERS: &[&str] = &[
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetOffersResponse xmlns=\"http://omscom/\"><GetOffersResult><GetOfferResult><ID>A</ID><Available>5</Available></GetOfferResult><GetOfferResult><ID>B&amp;&#65;</ID><Available xsi:nil=\"true\" xmlns:xsi=\"x\"/></GetOfferResult></GetOffersResult></GetOffersResponse></s:Body></s:Envelope>",
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetOrderInfoResponse xmlns=\"http://omscom/\"><GetOrderInfoResult><OrdHead><OrderId>T-1</OrderId><Status><Shipped>true</Shipped><Complete>true</Complete></Status><CCNumber>4111111111111111</CCNumber></OrdHead><OfferInfo><OfferType><OfferId>A</OfferId><OrderQty>2</OrderQty></OfferType></OfferInfo><ShippingOrders><PickPackType><PickSlipID>1</PickSlipID><PickPackProducts><PickPackProductType><ProductId>A</ProductId><ToShipQty>2</ToShipQty></PickPackProductType></PickPackProducts><Packages><PackagesType><DateShipped>2026-11-20T14:05:00</DateShipped><DateVoided>0001-01-01T00:00:00</DateVoided><TrackingId>1Z</TrackingId></PackagesType></Packages></PickPackType></ShippingOrders></GetOrderInfoResult></GetOrderInfoResponse></s:Body></s:Envelope>",
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>System.Exception: Order T-1 already exists\n   at X.Y()</faultstring></s:Fault></s:Body></s:Envelope>",
];

/// Values that a parser may fail on.
const ODD: &[&str] = &[
    "",
    " ",
    "-1",
    "1e999",
    "1.5",
    "99999999999999999999",
    "2147483648",
    "true",
    "NaN",
    "9999-12-31T23:59:60",
    "0001-01-01T00:00:00",
    "-262143-01-01",
    "+262142-12-31T23:59:59",
    "2026-03-08T02:30:00",
    "&#0;",
    "&#xD800;",
    "&#x10ffff;",
    "&lol;",
    "&",
    "<a>",
    "</a>",
    "<a/>",
    "<!DOCTYPE a>",
    "<![CDATA[ ]]>",
    "<![CDATA[",
    "<!--",
    "<?xml?>",
    "]]>",
    "\u{0}",
    "\u{202e}",
];

/// One of the responses with some odd texts.
fn odd_texts() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), 0..ODD.len()), 1..4);
    (prop::sample::select(ANSWERS), changes).prop_map(|(answer, changes)| {
        let mut answer = answer.to_owned();
        for (at, odd) in changes {
            let starts: Vec<usize> = answer.match_indices('>').map(|(at, _)| at + 1).collect();
            let from = starts[at.index(starts.len())];
            let to = answer[from..]
                .find('<')
                .map_or(answer.len(), |at| from + at);
            answer.replace_range(from..to, ODD[odd]);
            if !answer.contains('>') {
                break;
            }
        }
        answer.into_bytes()
    })
}

fn assert_survived(body: &[u8]) {
    for operation in ["GetOffers", "GetOrderInfo", "AddOrder"] {
        let expected = ExpectedResponse {
            operation,
            namespace: Some(NS),
        };
        let mut rows = Vec::new();
        let mut take = |element: Element| rows.push(element);
        let listed = soap::parse(body, &expected, Some(&mut take));
        for (index, row) in rows.iter().enumerate() {
            if let Err(bad) = offer_row(index, row) {
                assert_one_line(&bad.to_string());
            }
        }
        match soap::parse(body, &expected, None) {
            Err(problem) => assert_one_line(&problem),
            Ok(SoapBody::Fault { code, text }) => {
                let fault = SoapFault::classify(&code, &text, FaultContext::default());
                assert_one_line(&redacted_line(&fault.message, &[]));
            }
            Ok(SoapBody::Response(response)) => {
                assert!(listed.is_ok(), "the same is an answer as a list");
                for zone in [
                    chrono_tz::America::Sao_Paulo,
                    chrono_tz::Pacific::Kiritimati,
                ] {
                    check_info(&response, zone);
                }
                let receipt = order::receipt(&response, &code_of("T-1"));
                if let Err(problem) = receipt {
                    assert_one_line(&problem);
                }
            }
        }
    }
}

fn code_of(number: &str) -> OrderCode {
    OrderCode::parse(number).unwrap()
}

fn check_info(response: &Element, zone: Tz) {
    match order_info::read_order_info(response, zone) {
        Err(problem) => assert_one_line(&problem),
        Ok(None) => {}
        Ok(Some(info)) => {
            assert!(!format!("{info:?}").contains("4111111111111111"));
            let found = info.into_found_order(&code_of("T-1"));
            assert_one_line(&found.status);
            for text in [found.tracking_number, found.carrier].into_iter().flatten() {
                assert_one_line(&text);
            }
        }
    }
}

#[test]
fn oversized_documents_cost_no_more_than_their_size() {
    for monster in oversized_documents() {
        assert_survived(monster.as_bytes());
        let inside =
            format!("{ENVELOPE}<GetOffersResponse xmlns=\"{NS}\"><GetOffersResult>{monster}");
        assert_survived(inside.as_bytes());
    }
    let tags = "<a ".repeat(100_000);
    assert_survived(tags.as_bytes());
    assert_survived("<a>".repeat(100_000).as_bytes());
    assert_survived(format!("{ENVELOPE}{}", "<!--".repeat(100_000)).as_bytes());
    assert_survived(format!("<a {}>", "b='c' ".repeat(100_000)).as_bytes());
}

/// Keeps all elements.
struct KeepAll;

impl ElementVisitor for KeepAll {
    fn start_element(&mut self, _: usize, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn end_element(&mut self, _: usize, element: Element) -> Result<Option<Element>, String> {
        Ok(Some(element))
    }
}

proptest! {
    #[test]
    fn no_response_makes_a_parser_panic(body in mutated(ANSWERS)) {
        assert_survived(&body);
    }

    #[test]
    fn no_value_makes_a_parser_panic(body in odd_texts()) {
        assert_survived(&body);
    }

    #[test]
    fn written_text_is_read_back(text in any::<String>()) {
        let text: String = text.chars().filter(|c| xml::is_xml_char(*c)).collect();
        let mut xml = XmlWriter::default();
        xml.open("a");
        xml.text_element("b", &text);
        xml.close("a");
        let root = xml::parse(xml.into_string().as_bytes(), 10, &mut KeepAll).unwrap();
        prop_assert_eq!(root.child("b").unwrap().own_text(), text.trim());
    }

    #[test]
    fn every_order_becomes_valid_xml(
        number in "\\PC{1,40}", sku in "\\PC{1,30}", words in any::<String>(), street in any::<String>(),
    ) {
        let settings = OmsSettings {
            freight: BTreeMap::new(),
            timezone: chrono_tz::UTC,
            ..settings("http://127.0.0.1")
        };
        let mut order = super::order();
        order.number = OrderCode::parse(number).unwrap_or_else(|_| code_of("T"));
        order.comments = Some(words);
        order.ship_to.address_1 = Some(street);
        if let Ok(sku) = Sku::parse(sku) {
            order.items[0].sku = sku;
        }
        match order::write_order(&settings, &order) {
            Ok(written) => {
                let root = xml::parse(written.as_bytes(), 1000, &mut KeepAll).unwrap();
                let id = root.child("Header").unwrap().child_text("ID").unwrap();
                prop_assert_eq!(id, order.number.as_str().trim());
            }
            Err(error) => assert_one_line(&error.to_string()),
        }
    }
}
