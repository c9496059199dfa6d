use super::*;

const ORDER: FaultContext<'_> = FaultContext {
    subject_terms: &["order*"],
    not_found_text: None,
    redactions: &[],
};

#[test]
fn values_of_the_order_and_parts_of_words_do_not_classify_a_fault() {
    let redactions = ["Login", "Password", "Already Exists Ltd"];
    for text in [
        "The address of Login Password could not be validated",
        "Company already exists ltd is not on file",
        "Offer SKU-013 is missing from the catalog in this view",
        "No orders may be viewed by this user group",
    ] {
        let context = FaultContext {
            redactions: &redactions,
            ..ORDER
        };
        let fault = SoapFault::classify("soap:Server", &format!("{PREFIX}{text}"), context);
        assert_eq!(
            (fault.kind, fault.message.as_str()),
            (SoapFaultKind::Rejected, text)
        );
    }
}

fn fault(text: &str) -> (SoapFaultKind, String) {
    let fault = SoapFault::classify("soap:Server", text, ORDER);
    (fault.kind, fault.message)
}

const PREFIX: &str = "System.Web.Services.Protocols.SoapException: Server was unable to process request. ---> System.Exception: ";

#[test]
fn the_message_is_the_innermost_error_without_its_trace() {
    for (text, words) in [
        (
            "Order at hand is bad\n   at Pm.Order.Add() in c:\\x",
            "Order at hand is bad",
        ),
        (
            "Line one\r\nline two at once\r\n\tat X.Y()",
            "Line one\r\nline two at once",
        ),
        ("a ---> System.Exception: b\n at c", "b"),
        ("Invalid Source", "Invalid Source"),
    ] {
        let (kind, message) = fault(&format!("{PREFIX}{text}"));
        assert_eq!((kind, message.as_str()), (SoapFaultKind::Rejected, words));
    }
}

#[test]
fn faults_are_classified() {
    for (text, kind) in [
        ("Order T-1 already exists.", SoapFaultKind::AlreadyExists),
        ("Order T-1 was not found.", SoapFaultKind::NotFound),
        ("Order ID does not exist", SoapFaultKind::NotFound),
        ("Offer MUG was not found.", SoapFaultKind::Rejected),
        (
            "Invalid user or password.",
            SoapFaultKind::CredentialsRefused,
        ),
        ("Login failed.", SoapFaultKind::CredentialsRefused),
        (
            "The user has no permission for GetOffers",
            SoapFaultKind::Forbidden,
        ),
        ("Access is denied.", SoapFaultKind::Forbidden),
        ("Accessory kit is unknown", SoapFaultKind::Rejected),
        (
            "Timeout expired while the order was not found.",
            SoapFaultKind::ServerError,
        ),
        ("Transaction was deadlocked", SoapFaultKind::ServerError),
        ("", SoapFaultKind::ServerError),
    ] {
        assert_eq!(fault(&format!("{PREFIX}{text}")).0, kind, "{text}");
    }
    // Not VeraCore's own: nobody knows what was done.
    let null = "System.NullReferenceException: Object reference not set\n   at X";
    assert_eq!(fault(null).0, SoapFaultKind::ServerError);
    assert_eq!(
        fault("Server was unable to process request.").0,
        SoapFaultKind::ServerError
    );
    assert_eq!(fault("").0, SoapFaultKind::ServerError);
    let other = "Server did not recognize the value of HTTP Header SOAPAction: http://x/AddOrder.";
    let other = SoapFault::classify("soap:Client", other, ORDER);
    assert_eq!(other.kind, SoapFaultKind::UnknownOperation);
    let unread = "Server was unable to read request.";
    let unread = SoapFault::classify("soap:Client", unread, ORDER);
    assert_eq!(unread.kind, SoapFaultKind::Rejected);
}

#[test]
fn a_configured_text_means_not_found() {
    let text = format!("{PREFIX}Nichts da: T-1");
    let kind = |sentence| {
        SoapFault::classify(
            "",
            &text,
            FaultContext {
                not_found_text: sentence,
                ..ORDER
            },
        )
        .kind
    };
    assert_eq!(kind(None), SoapFaultKind::Rejected);
    assert_eq!(kind(Some("nichts DA")), SoapFaultKind::NotFound);
}

#[test]
fn only_the_requested_object_counts_as_not_found() {
    let kind = |words: &str, about| {
        let text = format!("{PREFIX}{words}");
        SoapFault::classify(
            "",
            &text,
            FaultContext {
                subject_terms: about,
                ..FaultContext::default()
            },
        )
        .kind
    };
    let product: &[&str] = &["product", "part", "item"];
    assert_eq!(
        kind("Part number MUG does not exist", product),
        SoapFaultKind::NotFound
    );
    assert_eq!(
        kind("Product MUG was not found.", &["order"]),
        SoapFaultKind::Rejected
    );
    assert_eq!(
        kind("Owner ACME was not found.", product),
        SoapFaultKind::Rejected
    );
    assert_eq!(
        kind("Offer MUG was not found.", &[]),
        SoapFaultKind::Rejected
    );
}
