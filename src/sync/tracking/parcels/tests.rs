use chrono::DateTime;

use super::*;

fn report(id: Option<&str>, number: Option<&str>) -> ParcelReport {
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

fn recorded(key: &str, report: ParcelReport, status: ShipmentStatus) -> RecordedShipment {
    RecordedShipment {
        id: 1,
        package_key: key.into(),
        report,
        status,
        message: None,
        intended: None,
        fulfillment: None,
        fulfilled_at: None,
        first_seen_at: DateTime::UNIX_EPOCH,
        order: 1,
    }
}

fn keys(parcels: &[Parcel]) -> Vec<&str> {
    parcels.iter().map(|p| p.key.as_str()).collect()
}

#[test]
fn a_parcel_is_recognized_by_its_id_or_else_its_number() {
    let known = vec![
        recorded(
            "id:1",
            report(Some("1"), Some("T")),
            ShipmentStatus::Fulfilled,
        ),
        recorded(
            "tracking:U",
            report(None, Some("U")),
            ShipmentStatus::Fulfilled,
        ),
    ];
    let news = vec![
        report(Some("1"), Some("T")),
        // Without its id, as in an order's status.
        report(None, Some("T")),
        // Another parcel with the same number.
        report(Some("2"), Some("T")),
        // The same parcel, now with its id.
        report(Some("3"), Some("U")),
        report(None, Some("V")),
    ];
    let parcels = merge_reports(known, news);
    assert_eq!(keys(&parcels), ["id:1", "tracking:U", "id:2", "tracking:V"]);
    assert!(parcels[0].is_idle());
    assert_eq!(parcels[1].report.shipment_id.as_deref(), Some("3"));
}

#[test]
fn fields_of_an_earlier_fuller_report_are_kept() {
    let mut full = report(Some("1"), Some("T"));
    full.items = Some(vec![ParcelItem {
        sku: "A".into(),
        quantity: 1,
    }]);
    let known = vec![recorded("id:1", full.clone(), ShipmentStatus::Fulfilled)];
    let parcels = merge_reports(known, vec![report(None, Some("T"))]);
    assert_eq!(parcels[0].report, full);
    assert!(parcels[0].is_idle());
}

#[test]
fn a_parcel_without_id_and_number_gets_one_later() {
    let known = || {
        vec![recorded(
            UNIDENTIFIED_KEY,
            report(None, None),
            ShipmentStatus::Waiting,
        )]
    };
    assert_eq!(keys(&merge_reports(known(), vec![])), [UNIDENTIFIED_KEY]);
    assert_eq!(
        keys(&merge_reports(known(), vec![report(None, None)])),
        [UNIDENTIFIED_KEY]
    );
    assert_eq!(
        keys(&merge_reports(known(), vec![report(None, Some("T"))])),
        ["tracking:T"]
    );
}

#[test]
fn a_changed_report_reopens_a_settled_parcel() {
    let known = vec![recorded(
        "id:1",
        report(Some("1"), Some("T")),
        ShipmentStatus::Fulfilled,
    )];
    let mut void = report(Some("1"), Some("T"));
    void.provider_status = "Voided".into();
    let parcels = merge_reports(known, vec![void]);
    assert!(parcels[0].is_void() && !parcels[0].is_idle());
}

#[test]
fn the_shipping_method_names_carrier_and_service() {
    let mut parcel = merge_reports(vec![], vec![report(None, Some("T"))]).remove(0);
    assert_eq!(parcel.shipping_method(), "UPS");
    parcel.report.service = Some("Ground".into());
    assert_eq!(parcel.shipping_method(), "UPS Ground");
    parcel.report.carrier = None;
    parcel.report.service = None;
    assert_eq!(parcel.shipping_method(), "VeraCore");
}
