//! From packages to fulfillments: which package becomes which fulfillment, which one is there
//! already, and which one needs a person. Pure.
//!
//! What the shop has comes first: a package is looked for among its fulfillments before one is made
//! of it, and nothing is taken twice from a line. What is not clear is reported, never guessed.

use std::collections::BTreeMap;

use super::parcels::Parcel;
use crate::{
    domain::{FulfillmentId, LineId},
    fulfillment::is_complete_status,
    ledger::{SentLine, ShipmentStatus},
    vendure::{Fulfillment, FulfillmentProgress, LineUnits},
};

/// Whether all of an order has left VeraCore, which decides about packages that do not say what is
/// in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCompletion {
    /// Everything was shipped.
    Complete,
    /// Something may follow; VeraCore's own word.
    Partial(String),
    /// Nobody had to ask.
    NotChecked,
}

/// What is to be done about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParcelStep {
    /// VeraCore took it back before the shop heard of it.
    Void,
    Wait {
        reason: String,
    },
    /// Make it a fulfillment with these lines, then ship that.
    Fulfill {
        lines: Vec<LineUnits>,
    },
    /// It is this fulfillment already; `ship` when that was not moved on yet.
    Existing {
        fulfillment: FulfillmentId,
        needs_shipping: bool,
    },
    /// The shop has its goods fulfilled in another way.
    Covered {
        reason: String,
    },
    Problem {
        problem: String,
    },
}

impl OrderCompletion {
    /// By VeraCore's word for the order.
    pub fn from_status(status: &str) -> Self {
        if is_complete_status(status) {
            Self::Complete
        } else {
            Self::Partial(status.to_owned())
        }
    }
}

/// Whether VeraCore must be asked how far the order is: a package that left does not say what is
/// in it, and the shop does not know it yet.
pub fn needs_order_status(packages: &[Parcel]) -> bool {
    packages.iter().any(|package| {
        package.report.items.is_none()
            && package.fulfillment.is_none()
            && package.has_shipped()
            && !package.is_idle()
    })
}

/// One step for each package, in their order.
pub fn plan_fulfillments(
    shop: &FulfillmentProgress,
    sent: &[SentLine],
    packages: &[Parcel],
    completion: &OrderCompletion,
) -> Vec<ParcelStep> {
    if shop.state.is_being_edited() {
        let why = format!(
            "the order is being edited in Vendure (state {})",
            shop.state
        );
        let as_it_was = |package| {
            settled_step(package).unwrap_or_else(|| ParcelStep::Wait {
                reason: why.clone(),
            })
        };
        return packages.iter().map(as_it_was).collect();
    }
    let mut work = FulfillmentPlanner::new(shop, sent, packages);
    // In the order in which they left, so that the same packages lead to the same steps.
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|at| (packages[*at].report.shipped_at, packages[*at].key.clone()));
    let mut steps: BTreeMap<usize, ParcelStep> = BTreeMap::new();
    let mut open = Vec::new();
    for at in order {
        match work.step_without_matching(&packages[at]) {
            Some(step) => {
                steps.insert(at, step);
            }
            None => open.push(at),
        }
    }
    let mut unsaid = Vec::new();
    for at in open {
        match work.match_fulfillment(&packages[at]) {
            Some(step) => {
                steps.insert(at, step);
            }
            None if packages[at].is_void() => {
                steps.insert(at, ParcelStep::Void);
            }
            None if packages[at].report.items.is_none() => unsaid.push(at),
            None => {
                steps.insert(at, work.plan_by_items(&packages[at]));
            }
        }
    }
    let unclear = steps
        .values()
        .any(|step| matches!(step, ParcelStep::Problem { .. }));
    let last = unsaid.last().copied();
    for at in unsaid {
        let step = work.plan_remainder(Some(at) == last, unclear, completion);
        steps.insert(at, step);
    }
    steps.into_values().collect()
}

/// What is left of the order while steps are decided.
struct FulfillmentPlanner<'a> {
    shop: &'a FulfillmentProgress,
    sent: &'a [SentLine],
    remaining: BTreeMap<&'a LineId, u32>,
    /// Fulfillments that no package is known to be.
    unlinked: Vec<&'a Fulfillment>,
    /// The packages' tracking numbers.
    tracking_numbers: Vec<&'a str>,
}

impl<'a> FulfillmentPlanner<'a> {
    fn new(shop: &'a FulfillmentProgress, sent: &'a [SentLine], packages: &'a [Parcel]) -> Self {
        let taken = |id: &FulfillmentId| {
            packages
                .iter()
                .any(|package| package.fulfillment.as_ref() == Some(id))
        };
        let live = shop.fulfillments.iter().filter(|f| !f.is_cancelled());
        Self {
            shop,
            sent,
            remaining: sent
                .iter()
                .map(|line| (&line.line, shop.unfulfilled_units(&line.line)))
                .collect(),
            unlinked: live.filter(|f| !taken(&f.id)).collect(),
            tracking_numbers: packages
                .iter()
                .filter_map(|package| package.report.tracking_number.as_deref().map(str::trim))
                .collect(),
        }
    }

    /// What follows without looking for anything.
    fn step_without_matching(&self, package: &Parcel) -> Option<ParcelStep> {
        let linked = package.fulfillment.as_ref().map(|id| {
            let found = self.shop.fulfillments.iter().find(|f| f.id == *id);
            (id, found)
        });
        match linked {
            Some((id, found)) if package.is_void() => Some(match found {
                Some(found) if !found.is_cancelled() => voided_after_fulfillment(id),
                _ => ParcelStep::Void,
            }),
            Some((id, Some(found))) if found.is_cancelled() => Some(problem(format!(
                "its fulfillment {id} was cancelled in Vendure; no second one is made of it"
            ))),
            Some((id, Some(found))) => Some(ParcelStep::Existing {
                fulfillment: id.clone(),
                needs_shipping: needs_shipping(found),
            }),
            Some((id, None)) => Some(problem(format!(
                "its fulfillment {id} is not in Vendure any more"
            ))),
            // What was begun may be in the shop all the same.
            None if package.is_void() => package.intended.is_none().then_some(ParcelStep::Void),
            None => package
                .waiting_reason()
                .map(|why| ParcelStep::Wait { reason: why }),
        }
    }

    /// Whether a fulfillment that nobody claimed is this package: our own, made before a crash, or
    /// a person's, made by hand. One with the same lines is preferred. When it was begun and VeraCore
    /// corrected the number since, one with the very lines that were meant is it, unless its number
    /// is another package's.
    fn match_fulfillment(&mut self, package: &Parcel) -> Option<ParcelStep> {
        let number = package.report.tracking_number.as_deref()?.trim();
        let is = |f: &Fulfillment, number: &str| {
            f.tracking_code
                .as_deref()
                .is_some_and(|code| code.trim() == number)
        };
        let same_number = |f: &&Fulfillment| is(f, number);
        let nobodys = |f: &Fulfillment| !self.tracking_numbers.iter().any(|number| is(f, number));
        let intended: Option<Vec<LineUnits>> = package.intended.as_ref().map(|lines| {
            let lines = lines.iter().map(|line| LineUnits {
                line: line.line.clone(),
                quantity: line.quantity,
            });
            sorted(lines.collect())
        });
        let found = self
            .unlinked
            .iter()
            .position(|f| same_number(f) && intended.as_ref() == Some(&sorted(f.lines.clone())))
            .or_else(|| self.unlinked.iter().position(same_number))
            .or_else(|| {
                let intended = intended.as_ref()?;
                let meant = |f: &&Fulfillment| nobodys(f) && sorted(f.lines.clone()) == *intended;
                self.unlinked.iter().position(meant)
            })?;
        let found = self.unlinked.remove(found);
        if package.is_void() {
            return Some(voided_after_fulfillment(&found.id));
        }
        Some(ParcelStep::Existing {
            fulfillment: found.id.clone(),
            needs_shipping: needs_shipping(found),
        })
    }

    /// By what the package says is in it.
    fn plan_by_items(&mut self, package: &Parcel) -> ParcelStep {
        let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
        for item in package.report.items.iter().flatten() {
            let units = wanted.entry(item.sku.as_str()).or_default();
            *units = units.saturating_add(item.quantity);
        }
        if wanted.is_empty() {
            return problem("VeraCore says that nothing is in it".into());
        }
        let mut lines = Vec::new();
        let mut gone = 0;
        for (sku, units) in &wanted {
            let ours: Vec<&LineId> = self
                .sent
                .iter()
                .filter(|line| line.sku.as_str() == *sku)
                .map(|line| &line.line)
                .collect();
            if ours.is_empty() {
                return problem(format!(
                    "it holds {units} of {sku}, which was not in the order that was sent"
                ));
            }
            let ordered = self.ordered_units(&ours);
            if *units > ordered {
                let cancelled = if ordered == 0 { ": cancelled" } else { "" };
                return problem(format!(
                    "it holds {units} of {sku}, of which {ordered} are ordered in Vendure{cancelled}"
                ));
            }
            let left: u32 = ours.iter().map(|line| self.remaining[line]).sum();
            if left == 0 {
                gone += 1;
            } else if *units > left {
                return problem(format!(
                    "it holds {units} of {sku}, of which only {left} are not fulfilled in Vendure yet"
                ));
            }
            lines.extend(self.distribute_units(&ours, *units));
        }
        if gone == wanted.len() {
            return ParcelStep::Covered {
                reason: "its goods are fulfilled in Vendure already, by another fulfillment".into(),
            };
        }
        if gone > 0 {
            return problem(
                "some of its goods are fulfilled in Vendure already, by another fulfillment".into(),
            );
        }
        self.subtract_units(&lines);
        ParcelStep::Fulfill { lines }
    }

    /// A package that does not say what is in it: all that is left, when nothing else follows.
    fn plan_remainder(
        &mut self,
        last: bool,
        unclear: bool,
        completion: &OrderCompletion,
    ) -> ParcelStep {
        if self.remaining.values().all(|left| *left == 0) {
            return ParcelStep::Covered {
                reason: "everything is fulfilled in Vendure already".into(),
            };
        }
        match completion {
            _ if unclear => ParcelStep::Wait {
                reason: "it does not say what is in it, and another package of the order needs a person first".into(),
            },
            OrderCompletion::Complete if last => {
                let lines: Vec<LineUnits> = self
                    .remaining
                    .iter()
                    .filter(|(_, left)| **left > 0)
                    .map(|(line, left)| LineUnits {
                        line: (*line).clone(),
                        quantity: *left,
                    })
                    .collect();
                self.subtract_units(&lines);
                ParcelStep::Fulfill { lines }
            }
            OrderCompletion::Complete => ParcelStep::Covered {
                reason: "it does not say what is in it; its goods are with the order's last package"
                    .into(),
            },
            OrderCompletion::Partial(status) => ParcelStep::Wait {
                reason: format!(
                    "it does not say what is in it, and the order is not complete yet (status {status})"
                ),
            },
            OrderCompletion::NotChecked => ParcelStep::Wait {
                reason: "it does not say what is in it".into(),
            },
        }
    }

    fn ordered_units(&self, lines: &[&LineId]) -> u32 {
        self.shop
            .lines
            .iter()
            .filter(|line| lines.contains(&&line.id))
            .map(|line| line.quantity)
            .sum()
    }

    /// Units of a SKU on its lines, one after the other.
    fn distribute_units(&self, lines: &[&LineId], mut units: u32) -> Vec<LineUnits> {
        let mut spread = Vec::new();
        for line in lines {
            let quantity = units.min(self.remaining[line]);
            if quantity > 0 {
                units -= quantity;
                spread.push(LineUnits {
                    line: (*line).clone(),
                    quantity,
                });
            }
        }
        spread
    }

    fn subtract_units(&mut self, lines: &[LineUnits]) {
        for units in lines {
            if let Some(left) = self.remaining.get_mut(&units.line) {
                *left = left.saturating_sub(units.quantity);
            }
        }
    }
}

/// What leaves a package that was seen to as it is.
fn settled_step(package: &Parcel) -> Option<ParcelStep> {
    if !package.is_settled() {
        return None;
    }
    match (package.status?, &package.fulfillment) {
        (ShipmentStatus::Fulfilled, Some(fulfillment)) => Some(ParcelStep::Existing {
            fulfillment: fulfillment.clone(),
            needs_shipping: false,
        }),
        (ShipmentStatus::Covered, _) => Some(ParcelStep::Covered {
            reason: "its goods are fulfilled in Vendure already".into(),
        }),
        (ShipmentStatus::Void, _) => Some(ParcelStep::Void),
        _ => None,
    }
}

fn voided_after_fulfillment(fulfillment: &FulfillmentId) -> ParcelStep {
    problem(format!(
        "VeraCore took the package back after the shop was told of it; if its goods do not go out again, cancel fulfillment {fulfillment} in Vendure"
    ))
}

const fn problem(problem: String) -> ParcelStep {
    ParcelStep::Problem { problem }
}

fn needs_shipping(fulfillment: &Fulfillment) -> bool {
    matches!(fulfillment.state.as_str(), "Created" | "Pending")
}

fn sorted(mut lines: Vec<LineUnits>) -> Vec<LineUnits> {
    lines.sort();
    lines
}

#[cfg(test)]
mod tests;
