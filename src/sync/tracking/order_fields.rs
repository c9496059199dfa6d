//! An order's tracking as customers see it: numbers, carriers and the latest ship date. Pure.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::parcels::Parcel;
use crate::vendure::{SupportedTrackingFields, TrackingFields};

/// The longest text written: the default width of a custom field in Vendure's tables.
const MAX_CHARS: usize = 255;

/// The tracking of an order's shipped parcels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderTracking {
    /// By ship date.
    pub numbers: Vec<String>,
    pub carriers: Vec<String>,
    pub ship_date: Option<DateTime<Utc>>,
}

impl OrderTracking {
    /// Collects the tracking of parcels that left. Void parcels are ignored.
    pub fn from_parcels<'a>(parcels: impl Iterator<Item = &'a Parcel>) -> Self {
        let mut parcels: Vec<&Parcel> = parcels.filter(|p| !p.is_void()).collect();
        parcels.sort_by_key(|parcel| (parcel.report.shipped_at, &parcel.key));
        let mut tracking = Self::default();
        for parcel in parcels {
            let Some(number) = &parcel.report.tracking_number else {
                continue;
            };
            if !tracking.numbers.contains(number) {
                tracking.numbers.push(number.clone());
            }
            if let Some(carrier) = &parcel.report.carrier
                && !tracking.carriers.contains(carrier)
            {
                tracking.carriers.push(carrier.clone());
            }
            tracking.ship_date = tracking.ship_date.max(parcel.report.shipped_at);
        }
        tracking
    }

    /// The values of the fields that the shop has.
    pub fn fields(&self, supported: SupportedTrackingFields) -> TrackingFields {
        TrackingFields {
            tracking_code: (supported.tracking_code && !self.numbers.is_empty())
                .then(|| join_within_limit(&self.numbers)),
            carrier: (supported.carrier && !self.carriers.is_empty())
                .then(|| join_within_limit(&self.carriers)),
            ship_date: self.ship_date.filter(|_| supported.ship_date),
        }
    }
}

/// Joins as many whole values as fit, and counts the rest.
fn join_within_limit(values: &[String]) -> String {
    let all = values.join(", ");
    if all.chars().count() <= MAX_CHARS {
        return all;
    }
    for kept in (1..values.len()).rev() {
        let text = format!("{} (+{})", values[..kept].join(", "), values.len() - kept);
        if text.chars().count() <= MAX_CHARS {
            return text;
        }
    }
    // A single value always fits a field; here it leaves no room for the count.
    values.first().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_joined_whole_as_far_as_the_field_goes() {
        let number = |n: usize| format!("{n:0>100}");
        assert_eq!(join_within_limit(&["A".into(), "B 2".into()]), "A, B 2");
        let two: Vec<String> = (0..2).map(number).collect();
        assert_eq!(join_within_limit(&two), two.join(", "));
        let four: Vec<String> = (0..4).map(number).collect();
        assert_eq!(
            join_within_limit(&four),
            format!("{}, {} (+2)", four[0], four[1])
        );
    }

    #[test]
    fn only_fields_that_the_shop_has_are_written() {
        let tracking = OrderTracking {
            numbers: vec!["1Z".into()],
            carriers: vec!["UPS".into()],
            ship_date: Some(DateTime::UNIX_EPOCH),
        };
        let none = tracking.fields(SupportedTrackingFields::default());
        assert_eq!(none, TrackingFields::default());
        let some = tracking.fields(SupportedTrackingFields {
            carrier: true,
            ..SupportedTrackingFields::default()
        });
        assert_eq!(some.carrier.as_deref(), Some("UPS"));
        assert_eq!((some.tracking_code, some.ship_date), (None, None));
    }
}
