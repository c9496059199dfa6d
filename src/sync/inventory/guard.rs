//! When a feed is too strange to be believed, and what a person's word about it covers. Pure.

use serde::{Deserialize, Serialize};

use super::{feed::Feed, plan::StockPlan};

/// What is strange about a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "reason",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Suspicion {
    /// It could not be read to its end; whether that may be otherwise soon.
    Unreadable {
        message: String,
        #[serde(rename = "mayPass")]
        is_transient: bool,
    },
    Empty,
    /// Rows with a quantity that is negative, fractional, missing or no number.
    BadQuantities {
        rows: u64,
    },
    /// SKUs that came more than once, with different numbers.
    Contradictions {
        skus: u64,
    },
    /// More of what is on sale would be taken off than `INVENTORY_MAX_DROP_PERCENT` allows.
    Drop {
        #[serde(rename = "takenOff")]
        going_out_of_stock: u64,
        #[serde(rename = "onSale")]
        in_stock: u64,
        max_percent: u32,
    },
}

impl std::fmt::Display for Suspicion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable { message, .. } => write!(f, "it could not be read: {message}"),
            Self::Empty => write!(f, "it is empty"),
            Self::BadQuantities { rows } => write!(f, "{rows} rows have a quantity that is none"),
            Self::Contradictions { skus } => {
                write!(f, "{skus} SKUs are there twice with different numbers")
            }
            Self::Drop {
                going_out_of_stock: taken_off,
                in_stock: on_sale,
                max_percent,
            } => write!(
                f,
                "{taken_off} of the {on_sale} SKUs on sale would go to zero, more than {max_percent} % (INVENTORY_MAX_DROP_PERCENT)"
            ),
        }
    }
}

/// Everything that is strange about a feed and what would follow from it.
#[must_use]
pub fn find_suspicions(feed: &Feed, plan: &StockPlan<'_>, max_drop_percent: u32) -> Vec<Suspicion> {
    let mut found = Vec::new();
    if feed.rows == 0 {
        found.push(Suspicion::Empty);
    }
    if feed.bad_quantities > 0 {
        let rows = feed.bad_quantities;
        found.push(Suspicion::BadQuantities { rows });
    }
    if !feed.contradictory.is_empty() {
        let skus = feed.contradictory.len() as u64;
        found.push(Suspicion::Contradictions { skus });
    }
    if plan.going_out_of_stock * 100 > plan.in_stock * u64::from(max_drop_percent) {
        found.push(Suspicion::Drop {
            going_out_of_stock: plan.going_out_of_stock,
            in_stock: plan.in_stock,
            max_percent: max_drop_percent,
        });
    }
    found
}

/// Those of the suspicions that a person has not accepted. What was accepted covers the same kind
/// up to the same extent: a feed that got stranger meanwhile is held again. A feed that could not
/// be read has nothing in it to accept.
#[must_use]
pub fn without_accepted(found: Vec<Suspicion>, accepted: &[Suspicion]) -> Vec<Suspicion> {
    let covered = |new: &Suspicion| {
        accepted.iter().any(|old| match (new, old) {
            (Suspicion::Empty, Suspicion::Empty) => true,
            (Suspicion::BadQuantities { rows: new }, Suspicion::BadQuantities { rows: old })
            | (Suspicion::Contradictions { skus: new }, Suspicion::Contradictions { skus: old })
            | (
                Suspicion::Drop {
                    going_out_of_stock: new,
                    ..
                },
                Suspicion::Drop {
                    going_out_of_stock: old,
                    ..
                },
            ) => new <= old,
            _ => false,
        })
    };
    found.into_iter().filter(|new| !covered(new)).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn drop(taken_off: u64, on_sale: u64) -> Vec<Suspicion> {
        let mut feed = Feed::new(DateTime::UNIX_EPOCH);
        feed.rows = 1;
        let plan = StockPlan {
            going_out_of_stock: taken_off,
            in_stock: on_sale,
            ..StockPlan::default()
        };
        find_suspicions(&feed, &plan, 50)
    }

    #[test]
    fn a_drop_is_strange_above_the_percentage_only() {
        assert_eq!(drop(0, 0), []);
        assert_eq!(drop(50, 100), []);
        assert_eq!(drop(1, 2), []);
        assert_eq!(drop(51, 100).len(), 1);
        assert_eq!(drop(1, 1).len(), 1);
    }

    #[test]
    fn a_persons_word_covers_the_same_or_less() {
        let accepted = drop(60, 100);
        assert_eq!(without_accepted(drop(60, 90), &accepted), []);
        assert_eq!(without_accepted(drop(61, 100), &accepted).len(), 1);
        assert_eq!(
            without_accepted(vec![Suspicion::Empty], &accepted),
            [Suspicion::Empty]
        );
        let unreadable = || {
            vec![Suspicion::Unreadable {
                message: "503".into(),
                is_transient: true,
            }]
        };
        assert_eq!(without_accepted(unreadable(), &unreadable()).len(), 1);
        let rows = |rows| vec![Suspicion::BadQuantities { rows }];
        assert_eq!(without_accepted(rows(2), &rows(3)), []);
        assert_eq!(without_accepted(rows(4), &rows(3)).len(), 1);
    }
}
