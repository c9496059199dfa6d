//! Safety checks on a whole feed, and the scope of accepting a feed that failed them. Pure.

use serde::{Deserialize, Serialize};

use super::{feed::Feed, plan::StockPlan};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "reason",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Suspicion {
    /// The feed could not be read completely.
    Unreadable {
        message: String,
        #[serde(rename = "mayPass")]
        is_transient: bool,
    },
    Empty,
    /// Rows with a negative, fractional, missing or non-numeric quantity.
    BadQuantities {
        rows: u64,
    },
    /// SKUs that came more than once with different quantities.
    Contradictions {
        skus: u64,
    },
    /// More SKUs on sale would be sold out than `INVENTORY_MAX_DROP_PERCENT` allows.
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
            Self::BadQuantities { rows } => write!(f, "{rows} rows have an invalid quantity"),
            Self::Contradictions { skus } => {
                write!(
                    f,
                    "{skus} SKUs appear more than once with different quantities"
                )
            }
            Self::Drop {
                going_out_of_stock,
                in_stock,
                max_percent,
            } => write!(
                f,
                "{going_out_of_stock} of the {in_stock} SKUs on sale would go to zero, more than {max_percent} % (INVENTORY_MAX_DROP_PERCENT)"
            ),
        }
    }
}

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

/// Drops the accepted suspicions. Accepting one covers the same kind up to the same extent: a feed
/// that got worse is quarantined again. An unreadable feed has nothing to accept.
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

    fn drop(going_out_of_stock: u64, in_stock: u64) -> Vec<Suspicion> {
        let mut feed = Feed::new(DateTime::UNIX_EPOCH);
        feed.rows = 1;
        let plan = StockPlan {
            going_out_of_stock,
            in_stock,
            ..StockPlan::default()
        };
        find_suspicions(&feed, &plan, 50)
    }

    #[test]
    fn a_drop_fails_above_the_percentage_only() {
        assert_eq!(drop(0, 0), []);
        assert_eq!(drop(50, 100), []);
        assert_eq!(drop(1, 2), []);
        assert_eq!(drop(51, 100).len(), 1);
        assert_eq!(drop(1, 1).len(), 1);
    }

    #[test]
    fn acceptance_covers_the_same_or_less() {
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
