use chrono::DateTime;

use super::*;

fn told(id: Option<&str>, number: Option<&str>) -> ParcelReport {
    ParcelReport {
        shipment_id: id.map(Into::into),
        tracking_number: number.map(Into::into),
        carrier: Some("UPS".into()),
        service: None,
        shipped_at: None,
        provider_status: "Shipped".into(),
        items: None,
    }
}

fn recorded(key: &str, told: ParcelReport, status: ShipmentStatus) -> RecordedShipment {
    RecordedShipment {
        id: 1,
        package_key: key.into(),
        report: told,
        status,
        message: None,
        intended: None,
        fulfillment: None,
        fulfilled_at: None,
        first_seen_at: DateTime::UNIX_EPOCH,
        order: 1,
    }
}

fn keys(packages: &[Parcel]) -> Vec<&str> {
    packages.iter().map(|p| p.key.as_str()).collect()
}

#[test]
fn a_package_is_told_apart_by_its_id_else_by_its_number() {
    let known = vec![
        recorded(
            "id:1",
            told(Some("1"), Some("T")),
            ShipmentStatus::Fulfilled,
        ),
        recorded(
            "tracking:U",
            told(None, Some("U")),
            ShipmentStatus::Fulfilled,
        ),
    ];
    let news = vec![
        told(Some("1"), Some("T")),
        // Without its id, as an order's status tells it.
        told(None, Some("T")),
        // Another one under the same number.
        told(Some("2"), Some("T")),
        // The same, told with its id now.
        told(Some("3"), Some("U")),
        told(None, Some("V")),
    ];
    let packages = merge_reports(known, news);
    assert_eq!(
        keys(&packages),
        ["id:1", "tracking:U", "id:2", "tracking:V"]
    );
    assert!(packages[0].is_idle());
    assert_eq!(packages[1].report.shipment_id.as_deref(), Some("3"));
}

#[test]
fn what_only_a_fuller_answer_told_is_kept() {
    let mut full = told(Some("1"), Some("T"));
    full.items = Some(vec![ParcelItem {
        sku: "A".into(),
        quantity: 1,
    }]);
    let known = vec![recorded("id:1", full.clone(), ShipmentStatus::Fulfilled)];
    let packages = merge_reports(known, vec![told(None, Some("T"))]);
    assert_eq!(packages[0].report, full);
    assert!(packages[0].is_idle());
}

#[test]
fn a_package_without_a_name_gets_one_later() {
    let known = || {
        vec![recorded(
            UNIDENTIFIED_KEY,
            told(None, None),
            ShipmentStatus::Waiting,
        )]
    };
    assert_eq!(keys(&merge_reports(known(), vec![])), [UNIDENTIFIED_KEY]);
    assert_eq!(
        keys(&merge_reports(known(), vec![told(None, None)])),
        [UNIDENTIFIED_KEY]
    );
    assert_eq!(
        keys(&merge_reports(known(), vec![told(None, Some("T"))])),
        ["tracking:T"]
    );
}

#[test]
fn a_new_word_of_a_settled_package_wakes_it() {
    let known = vec![recorded(
        "id:1",
        told(Some("1"), Some("T")),
        ShipmentStatus::Fulfilled,
    )];
    let mut void = told(Some("1"), Some("T"));
    void.provider_status = "Voided".into();
    let packages = merge_reports(known, vec![void]);
    assert!(packages[0].is_void() && !packages[0].is_idle());
}

#[test]
fn the_customer_reads_carrier_and_service() {
    let mut package = merge_reports(vec![], vec![told(None, Some("T"))]).remove(0);
    assert_eq!(package.shipping_method(), "UPS");
    package.report.service = Some("Ground".into());
    assert_eq!(package.shipping_method(), "UPS Ground");
    package.report.carrier = None;
    package.report.service = None;
    assert_eq!(package.shipping_method(), "VeraCore");
}
