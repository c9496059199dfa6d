//! The merge of the two lists of parcels.

use super::*;
use crate::domain::{Quantity, Sku};

fn order() -> OrderCode {
    OrderCode::parse("T-1").unwrap()
}

fn pack(number: &str, is_void: bool) -> OmsParcel {
    OmsParcel {
        tracking: (!number.is_empty()).then(|| number.to_owned()),
        shipped_at: Some("2026-11-20T22:05:00Z".parse().unwrap()),
        is_void,
        ..OmsParcel::default()
    }
}

fn charge(slip: &str, number: &str) -> ShippingCharge {
    ShippingCharge {
        order_number: order(),
        slip_id: (!slip.is_empty()).then(|| slip.to_owned()),
        parcel: pack(number, false),
    }
}

fn slip(id: &str, units: u32, packages: Vec<OmsParcel>) -> PickSlip {
    PickSlip {
        ids: vec![id.to_owned()],
        items: Some(vec![ShipmentItem {
            sku: Sku::parse("MUG").unwrap(),
            quantity: Quantity::new(units).unwrap(),
        }]),
        parcels: packages,
    }
}

/// `number status units`, one per parcel.
fn describe_merged(charges: &[ShippingCharge], slips: Vec<PickSlip>) -> Vec<String> {
    let info = OrderInfo {
        number: "T-1".into(),
        status: "Shipped".into(),
        slips,
    };
    let rows = merge_shipments(&order(), charges, Some(&info));
    let row = |row: &Shipment| {
        let units = row.items.as_ref().map(|items| items[0].quantity.get());
        format!(
            "{} {} {}",
            row.tracking_number.as_deref().unwrap_or("-"),
            row.status,
            units.map_or_else(|| "?".into(), |units| units.to_string())
        )
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_slips_first_package_has_its_lines_whatever_is_listed() {
    let slips = || {
        vec![
            slip("S1", 2, vec![pack("A", false), pack("B", false)]),
            slip("S2", 3, vec![pack("C", false)]),
        ]
    };
    let all = vec![charge("S1", "B"), charge("S1", "A"), charge("S2", "C")];
    assert_eq!(
        describe_merged(&all, slips()),
        ["B Shipped ?", "A Shipped 2", "C Shipped 3"]
    );
    // Days later only the second is listed: it has not got them.
    assert_eq!(
        describe_merged(&[charge("S1", "B")], slips()),
        ["B Shipped ?"]
    );
    // Twice in the list, as two pages may overlap.
    let twice = vec![charge("S2", "C"), charge("S2", "C")];
    assert_eq!(
        describe_merged(&twice, slips()),
        ["C Shipped 3", "C Shipped ?"]
    );
}

#[test]
fn slips_are_found_by_the_package_where_their_ids_differ() {
    let slips = vec![
        slip("S1", 2, vec![pack("A", false)]),
        slip("S2", 3, vec![pack("C", false)]),
    ];
    let charges = vec![charge("77", "C"), charge("", "A"), charge("88", "X")];
    assert_eq!(
        describe_merged(&charges, slips),
        ["C Shipped 3", "A Shipped 2", "X Shipped ?"]
    );
    // With one slip there is no choice, even if its packages are not listed.
    let only = vec![slip("S1", 2, vec![])];
    let charges = vec![charge("77", ""), charge("77", "A"), charge("77", "B")];
    assert_eq!(
        describe_merged(&charges, only),
        ["- Shipped ?", "A Shipped 2", "B Shipped ?"]
    );
}

#[test]
fn a_voided_parcel_is_void_listed_or_not() {
    let slips = || {
        vec![slip(
            "S1",
            2,
            vec![pack("A", true), pack("B", false), pack("V", true)],
        )]
    };
    let listed = vec![charge("S1", "A"), charge("S1", "B")];
    assert_eq!(
        describe_merged(&listed, slips()),
        ["A Void ?", "B Shipped 2", "V Void ?"]
    );
    // The same number again, for goods that went out after all.
    let again = vec![slip("S1", 2, vec![pack("A", true), pack("A", false)])];
    assert_eq!(
        describe_merged(&[charge("S1", "A")], again),
        ["A Shipped 2"]
    );
    let all_void = vec![slip("S1", 2, vec![pack("A", true)])];
    assert_eq!(
        describe_merged(&[charge("S1", "A")], all_void),
        ["A Void ?"]
    );
}

#[test]
fn two_slips_may_say_the_same_of_their_packages() {
    let slips = vec![
        slip("S1", 2, vec![pack("picked up", false)]),
        slip("S2", 3, vec![pack("picked up", false)]),
    ];
    let charges = vec![charge("S1", "picked up"), charge("S2", "picked up")];
    let info = OrderInfo {
        slips,
        ..OrderInfo::default()
    };
    let ids = merge_shipments(&order(), &charges, Some(&info))
        .into_iter()
        .map(|row| row.id.unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), ["S1:picked up", "S2:picked up"]);
}
