//! Shipping charges, offers and product availabilities.

use super::*;

fn between(start: &str, end: &str) -> String {
    format!("<StartDate>{start}</StartDate><EndDate>{end}</EndDate>")
}

async fn tracking(sandbox: &Sandbox, start: &str, end: &str) -> Vec<String> {
    let xml = invoke(sandbox, "GetShippingCharge", &between(start, end)).await;
    all(&xml, "TrackingID")
}

#[tokio::test]
async fn charges_list_the_packages_between_two_dates() {
    let (sandbox, clock) = sandbox().await;
    for number in ["A1", "A2"] {
        add(&sandbox, number, "X", 1).await;
        let package = NewPackage {
            tracking_number: Some(format!("T-{number}")),
            service: Some("Ground".into()),
            ..NewPackage::default()
        };
        sandbox.ship(number, vec![package]).unwrap();
        clock.advance(chrono::TimeDelta::hours(24));
    }
    let none: [&str; 0] = [];
    // Local time: noon in UTC is 4 AM.
    let (first, second) = ("2025-03-04T04:00:00", "2025-03-05T04:00:00");
    assert_eq!(tracking(&sandbox, first, second).await, ["T-A1", "T-A2"]);
    assert_eq!(tracking(&sandbox, first, first).await, ["T-A1"]);
    assert_eq!(
        tracking(&sandbox, "2025-03-04T12:00:01Z", second).await,
        ["T-A2"]
    );
    assert_eq!(
        tracking(&sandbox, "2025-03-04", "2025-03-05").await,
        ["T-A1"]
    );
    assert_eq!(tracking(&sandbox, "2025-03-06", "2025-03-07").await, none);
    for (request, named) in [
        (between("2025-03-05", "2025-03-04"), "before StartDate"),
        (between("", "2025-03-04"), "StartDate"),
        (between("03/04/2025", "2025-03-05"), "StartDate"),
        (
            "<EndDate>2025-03-04</EndDate>".into(),
            "StartDate is missing",
        ),
        (
            between("2025-03-04", "2025-03-05").replace("End", "Stop"),
            "StopDate is not in the WSDL",
        ),
    ] {
        let message = refusal(&sandbox, "GetShippingCharge", &request).await;
        assert!(message.contains(named), "{message}");
    }

    sandbox.void("A1", "T-A1").unwrap();
    let xml = invoke(&sandbox, "GetShippingCharge", &between(first, second)).await;
    assert_eq!(all(&xml, "TrackingID"), ["T-A1", "T-A2"]);
    assert_eq!(all(&xml, "DateVoided"), ["2025-03-06T04:00:00"]);
    assert_eq!(all(&xml, "DateShipped"), [first, second]);
    assert_eq!(all(&xml, "FreightService"), ["Ground"; 2]);
    assert_eq!(all(&xml, "PPSlip"), ["300001", "300002"]);
}

#[tokio::test]
async fn void_packages_can_be_omitted_and_the_time_zone_set() {
    let (sandbox, _) = sandbox_with(SandboxConfig {
        omit_void_charges: true,
        timezone: chrono_tz::Asia::Tokyo,
        ..SandboxConfig::default()
    })
    .await;
    add(&sandbox, "A1", "X", 1).await;
    let package = sandbox.ship("A1", vec![]).unwrap().remove(0);
    let at = "2025-03-04T21:00:00";
    assert_eq!(
        tracking(&sandbox, at, at).await,
        [package.tracking_number.as_str()]
    );
    sandbox.void("A1", &package.tracking_number).unwrap();
    assert!(tracking(&sandbox, at, at).await.is_empty());
}

#[tokio::test]
async fn offers_are_found_with_a_wildcard() {
    let (sandbox, _) = sandbox().await;
    for (sku, on_hand) in [("MUG-RED", 5), ("MUG-BLUE", 0), ("CUP<1>", 7)] {
        sandbox.set_stock(sku, on_hand);
    }
    add(&sandbox, "A1", "MUG-RED", 2).await;
    let ids = async |pattern: &str, flags: &str| {
        let request = format!("<searchString>{pattern}</searchString>{flags}");
        let xml = invoke(&sandbox, "GetOffers", &request).await;
        (all(&xml, "ID"), all(&xml, "Available"))
    };
    let by_id = "<searchID>true</searchID><searchDescription>false</searchDescription>";
    let (found, available) = ids("%", by_id).await;
    assert_eq!(found, ["CUP&lt;1&gt;", "MUG-BLUE", "MUG-RED"]);
    assert_eq!(available, ["7", "0", "3"]);
    for (pattern, count) in [
        ("mug-%", 2),
        ("%-red", 1),
        ("%U%E%", 2),
        ("MUG", 0),
        ("MUG-RED", 1),
        ("%D-RED", 0),
        ("MUG-RED%MUG-RED", 0),
    ] {
        assert_eq!(ids(pattern, by_id).await.0.len(), count, "{pattern}");
    }
    assert_eq!(ids("%", "").await.0.len(), 0);
    let by_description = "<searchDescription>1</searchDescription>";
    assert_eq!(ids("offer mug%", by_description).await.0.len(), 2);
    assert_eq!(
        refusal(&sandbox, "GetOffers", "").await,
        "searchString is missing"
    );
}

#[tokio::test]
async fn availabilities_are_listed_per_warehouse() {
    let part = "<partNumber>X</partNumber>";
    let (sandbox, _) = sandbox().await;
    sandbox.set_stock("X", 5);
    add(&sandbox, "A1", "X", 2).await;
    let xml = invoke(&sandbox, "GetProductAvailabilities", part).await;
    assert!(xml.contains("<Warehouse><ID>MAIN</ID>"));
    assert_eq!(all(&xml, "OnHand"), ["5"]);
    assert_eq!(all(&xml, "Reserved"), ["2"]);
    assert_eq!(all(&xml, "Available"), ["3"]);
    let nothing = "<GetProductAvailabilitiesResult /></GetProductAvailabilitiesResponse>";
    for request in [
        "<partNumber>Y</partNumber>",
        "<partNumber>X</partNumber><owner>somebody</owner>",
    ] {
        let xml = invoke(&sandbox, "GetProductAvailabilities", request).await;
        assert!(xml.contains(nothing), "{xml}");
    }
    let own = "<partNumber>X</partNumber><owner>sandbox-company</owner>";
    let xml = invoke(&sandbox, "GetProductAvailabilities", own).await;
    assert_eq!(all(&xml, "Available"), ["3"]);
    let message = refusal(&sandbox, "GetProductAvailabilities", "").await;
    assert_eq!(message, "partNumber is missing");

    let (two, _) = sandbox_with(SandboxConfig {
        two_warehouses: true,
        all_parts: true,
        ..SandboxConfig::default()
    })
    .await;
    two.set_stock("X", 5);
    two.set_stock("Y", 1);
    add(&two, "A1", "X", 4).await;
    add(&two, "A2", "Y", 3).await;
    let xml = invoke(&two, "GetProductAvailabilities", "").await;
    assert_eq!(all(&xml, "OnHand"), ["3", "2", "1", "0"]);
    assert_eq!(all(&xml, "Reserved"), ["3", "1", "1", "0"]);
    assert_eq!(all(&xml, "Available"), ["0", "1", "0", "0"]);
    assert_eq!(all(&xml, "Backordered"), ["0", "0", "2", "0"]);
}
