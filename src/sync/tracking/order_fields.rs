//! What customers see of an order's packages: the tracking numbers, the carriers, the latest date.
//! Pure.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::parcels::Parcel;
use crate::vendure::{SupportedTrackingFields, TrackingFields};

/// The longest text that is written: a custom field's usual width in the shop's tables.
const MAX_CHARS: usize = 255;

/// The tracking of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderTracking {
    /// In the order in which they left.
    pub numbers: Vec<String>,
    pub carriers: Vec<String>,
    pub ship_date: Option<DateTime<Utc>>,
}

impl OrderTracking {
    /// Of packages that left. Those that were taken back are not among them.
    pub fn from_parcels<'a>(packages: impl Iterator<Item = &'a Parcel>) -> Self {
        let mut packages: Vec<&Parcel> = packages.filter(|p| !p.is_void()).collect();
        packages.sort_by_key(|package| (package.report.shipped_at, &package.key));
        let mut tracking = Self::default();
        for package in packages {
            let Some(number) = &package.report.tracking_number else {
                continue;
            };
            if !tracking.numbers.contains(number) {
                tracking.numbers.push(number.clone());
            }
            if let Some(carrier) = &package.report.carrier
                && !tracking.carriers.contains(carrier)
            {
                tracking.carriers.push(carrier.clone());
            }
            tracking.ship_date = tracking.ship_date.max(package.report.shipped_at);
        }
        tracking
    }

    /// As the shop's fields, as far as it has them.
    pub fn fields(&self, known: SupportedTrackingFields) -> TrackingFields {
        TrackingFields {
            tracking_code: (known.tracking_code && !self.numbers.is_empty())
                .then(|| join_within_limit(&self.numbers)),
            carrier: (known.carrier && !self.carriers.is_empty())
                .then(|| join_within_limit(&self.carriers)),
            ship_date: self.ship_date.filter(|_| known.ship_date),
        }
    }
}

/// As many whole words as fit, and how many more there are.
fn join_within_limit(words: &[String]) -> String {
    let all = words.join(", ");
    if all.chars().count() <= MAX_CHARS {
        return all;
    }
    for kept in (1..words.len()).rev() {
        let text = format!("{} (+{})", words[..kept].join(", "), words.len() - kept);
        if text.chars().count() <= MAX_CHARS {
            return text;
        }
    }
    // A single number is never longer than a field; the others did not leave room for their count.
    words.first().cloned().unwrap_or_default()
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
