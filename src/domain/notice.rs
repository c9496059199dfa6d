//! Webhook notices: that something changed at the warehouse, and what to read.

use serde::{Deserialize, Serialize};

use super::{OrderCode, Sku};

/// The kind of notice, as its URL and the ledger name it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::EnumString,
)]
#[strum(const_into_str)]
pub enum NoticeKind {
    #[strum(serialize = "inventory-update")]
    Inventory,
    #[strum(serialize = "order-update")]
    Order,
    #[strum(serialize = "tracking-update")]
    Tracking,
}

impl NoticeKind {
    pub const ALL: [Self; 3] = [Self::Inventory, Self::Order, Self::Tracking];

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A notice, reduced to what a lookup needs: no quantities, no addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum WebhookNotice {
    /// The stock of these SKUs changed; the warehouse's names for them, each once.
    Inventory { skus: Vec<Sku> },
    /// An order changed; `status` is the warehouse's text, made safe to show.
    Order { number: OrderCode, status: String },
    /// A parcel changed.
    Tracking(ParcelNotice),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelNotice {
    pub number: OrderCode,
    /// The warehouse's ID of the parcel, where it gives one.
    pub shipment_id: Option<String>,
    pub tracking_number: Option<String>,
    /// The warehouse's text, made safe to show.
    pub status: String,
}

impl WebhookNotice {
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Self::Inventory { .. } => NoticeKind::Inventory,
            Self::Order { .. } => NoticeKind::Order,
            Self::Tracking(_) => NoticeKind::Tracking,
        }
    }

    /// The order that the notice is about, if any.
    pub const fn order_code(&self) -> Option<&OrderCode> {
        match self {
            Self::Inventory { .. } => None,
            Self::Order { number, .. } => Some(number),
            Self::Tracking(parcel) => Some(&parcel.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_names() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(NoticeKind::parse("order"), None);
    }

    #[test]
    fn news_outlives_its_keeping() {
        let parcel = ParcelNotice {
            number: OrderCode::parse("C1").unwrap(),
            shipment_id: None,
            tracking_number: Some("1Z".into()),
            status: "Shipped".into(),
        };
        for notice in [
            WebhookNotice::Inventory {
                skus: vec![Sku::parse(" a ").unwrap()],
            },
            WebhookNotice::Order {
                number: parcel.number.clone(),
                status: "Shipped".into(),
            },
            WebhookNotice::Tracking(parcel.clone()),
        ] {
            let stored = serde_json::to_value(&notice).unwrap();
            assert_eq!(
                serde_json::from_value::<WebhookNotice>(stored).unwrap(),
                notice
            );
        }
        assert!(serde_json::from_str::<WebhookNotice>(r#"{"inventory":{"skus":[" "]}}"#).is_err());
    }
}
