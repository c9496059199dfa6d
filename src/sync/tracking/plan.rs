//! From packages to fulfillments: which package becomes which fulfillment, which one is there
//! already, and which one needs a person. Pure.
//!
//! What the shop has comes first: a package is looked for among its fulfillments before one is made
//! of it, and nothing is taken twice from a line. What is not clear is reported, never guessed.

use std::collections::BTreeMap;

use super::package::Package;
use crate::{
    domain::{FulfillmentId, LineId},
    ledger::{SentLine, ShipmentStatus},
    vendure::{Fulfillment, LineUnits, Progress},
};

/// Whether all of an order has left VeraCore, which decides about packages that do not say what is
/// in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// Everything was shipped.
    Complete,
    /// Something may follow; VeraCore's own word.
    Partial(String),
    /// Nobody had to ask.
    NotAsked,
}

/// What is to be done about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// VeraCore took it back before the shop heard of it.
    Void,
    Wait {
        why: String,
    },
    /// Make it a fulfillment with these lines, then ship that.
    Fulfill {
        lines: Vec<LineUnits>,
    },
    /// It is this fulfillment already; `ship` when that was not moved on yet.
    Is {
        fulfillment: FulfillmentId,
        ship: bool,
    },
    /// The shop has its goods fulfilled in another way.
    Covered {
        how: String,
    },
    Problem {
        problem: String,
    },
}

/// States in which a person works on the order. Vendure would take a fulfillment even so, and throw
/// the order out of its state.
pub(in crate::sync) const EDITED: [&str; 2] = ["Modifying", "ArrangingAdditionalPayment"];

/// Words for an order of which everything has left.
const COMPLETE: [&str; 6] = [
    "shipped",
    "complete",
    "completed",
    "closed",
    "fulfilled",
    "delivered",
];

impl Completion {
    /// By VeraCore's word for the order.
    #[must_use]
    pub fn of(status: &str) -> Self {
        if COMPLETE.contains(&status.trim().to_ascii_lowercase().as_str()) {
            Self::Complete
        } else {
            Self::Partial(status.to_owned())
        }
    }
}

/// Whether VeraCore must be asked how far the order is: a package that left does not say what is
/// in it, and the shop does not know it yet.
#[must_use]
pub fn must_ask(packages: &[Package]) -> bool {
    packages.iter().any(|package| {
        package.told.items.is_none()
            && package.fulfillment.is_none()
            && !package.is_void()
            && package.waits().is_none()
            && !package.is_at_rest()
    })
}

/// One step for each package, in their order.
#[must_use]
pub fn plan(
    shop: &Progress,
    sent: &[SentLine],
    packages: &[Package],
    completion: &Completion,
) -> Vec<Step> {
    if EDITED.contains(&shop.state.as_str()) {
        let why = format!(
            "the order is being edited in Vendure (state {})",
            shop.state
        );
        let as_it_was =
            |package| as_it_was(package).unwrap_or_else(|| Step::Wait { why: why.clone() });
        return packages.iter().map(as_it_was).collect();
    }
    let mut work = Work::of(shop, sent, packages);
    // In the order in which they left, so that the same packages lead to the same steps.
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|at| (packages[*at].told.shipped_at, packages[*at].key.clone()));
    let mut steps: BTreeMap<usize, Step> = BTreeMap::new();
    let mut open = Vec::new();
    for at in order {
        match work.known(&packages[at]) {
            Some(step) => {
                steps.insert(at, step);
            }
            None => open.push(at),
        }
    }
    let mut unsaid = Vec::new();
    for at in open {
        match work.recognized(&packages[at]) {
            Some(step) => {
                steps.insert(at, step);
            }
            None if packages[at].is_void() => {
                steps.insert(at, Step::Void);
            }
            None if packages[at].told.items.is_none() => unsaid.push(at),
            None => {
                steps.insert(at, work.by_items(&packages[at]));
            }
        }
    }
    let unclear = steps
        .values()
        .any(|step| matches!(step, Step::Problem { .. }));
    let last = unsaid.last().copied();
    for at in unsaid {
        let step = work.by_rest(Some(at) == last, unclear, completion);
        steps.insert(at, step);
    }
    steps.into_values().collect()
}

/// What is left of the order while steps are decided.
struct Work<'a> {
    shop: &'a Progress,
    sent: &'a [SentLine],
    left: BTreeMap<&'a LineId, u32>,
    /// Fulfillments that no package is known to be.
    free: Vec<&'a Fulfillment>,
    /// The packages' tracking numbers.
    numbers: Vec<&'a str>,
}

impl<'a> Work<'a> {
    fn of(shop: &'a Progress, sent: &'a [SentLine], packages: &'a [Package]) -> Self {
        let taken = |id: &FulfillmentId| {
            packages
                .iter()
                .any(|package| package.fulfillment.as_ref() == Some(id))
        };
        let live = shop.fulfillments.iter().filter(|f| !f.is_cancelled());
        Self {
            shop,
            sent,
            left: sent
                .iter()
                .map(|line| (&line.line, shop.left(&line.line)))
                .collect(),
            free: live.filter(|f| !taken(&f.id)).collect(),
            numbers: packages
                .iter()
                .filter_map(|package| package.told.tracking_number.as_deref().map(str::trim))
                .collect(),
        }
    }

    /// What follows without looking for anything.
    fn known(&self, package: &Package) -> Option<Step> {
        let linked = package.fulfillment.as_ref().map(|id| {
            let found = self.shop.fulfillments.iter().find(|f| f.id == *id);
            (id, found)
        });
        match linked {
            Some((id, found)) if package.is_void() => Some(match found {
                Some(found) if !found.is_cancelled() => taken_back(id),
                _ => Step::Void,
            }),
            Some((id, Some(found))) if found.is_cancelled() => Some(problem(format!(
                "its fulfillment {id} was cancelled in Vendure; no second one is made of it"
            ))),
            Some((id, Some(found))) => Some(Step::Is {
                fulfillment: id.clone(),
                ship: must_ship(found),
            }),
            Some((id, None)) => Some(problem(format!(
                "its fulfillment {id} is not in Vendure any more"
            ))),
            // What was begun may be in the shop all the same.
            None if package.is_void() => package.intended.is_none().then_some(Step::Void),
            None => package.waits().map(|why| Step::Wait { why }),
        }
    }

    /// Whether a fulfillment that nobody claimed is this package: our own, made before a crash, or
    /// a person's, made by hand. One with the same lines is preferred. When it was begun and VeraCore
    /// corrected the number since, one with the very lines that were meant is it, unless its number
    /// is another package's.
    fn recognized(&mut self, package: &Package) -> Option<Step> {
        let number = package.told.tracking_number.as_deref()?.trim();
        let is = |f: &Fulfillment, number: &str| {
            f.tracking_code
                .as_deref()
                .is_some_and(|code| code.trim() == number)
        };
        let same_number = |f: &&Fulfillment| is(f, number);
        let nobodys = |f: &Fulfillment| !self.numbers.iter().any(|number| is(f, number));
        let intended: Option<Vec<LineUnits>> = package.intended.as_ref().map(|lines| {
            let lines = lines.iter().map(|line| LineUnits {
                line: line.line.clone(),
                quantity: line.quantity,
            });
            sorted(lines.collect())
        });
        let found = self
            .free
            .iter()
            .position(|f| same_number(f) && intended.as_ref() == Some(&sorted(f.lines.clone())))
            .or_else(|| self.free.iter().position(same_number))
            .or_else(|| {
                let intended = intended.as_ref()?;
                let meant = |f: &&Fulfillment| nobodys(f) && sorted(f.lines.clone()) == *intended;
                self.free.iter().position(meant)
            })?;
        let found = self.free.remove(found);
        if package.is_void() {
            return Some(taken_back(&found.id));
        }
        Some(Step::Is {
            fulfillment: found.id.clone(),
            ship: must_ship(found),
        })
    }

    /// By what the package says is in it.
    fn by_items(&mut self, package: &Package) -> Step {
        let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
        for item in package.told.items.iter().flatten() {
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
            let ordered = self.ordered(&ours);
            if *units > ordered {
                let cancelled = if ordered == 0 { ": cancelled" } else { "" };
                return problem(format!(
                    "it holds {units} of {sku}, of which {ordered} are ordered in Vendure{cancelled}"
                ));
            }
            let left: u32 = ours.iter().map(|line| self.left[line]).sum();
            if left == 0 {
                gone += 1;
            } else if *units > left {
                return problem(format!(
                    "it holds {units} of {sku}, of which only {left} are not fulfilled in Vendure yet"
                ));
            }
            lines.extend(self.spread(&ours, *units));
        }
        if gone == wanted.len() {
            return Step::Covered {
                how: "its goods are fulfilled in Vendure already, by another fulfillment".into(),
            };
        }
        if gone > 0 {
            return problem(
                "some of its goods are fulfilled in Vendure already, by another fulfillment".into(),
            );
        }
        self.take(&lines);
        Step::Fulfill { lines }
    }

    /// A package that does not say what is in it: all that is left, when nothing else follows.
    fn by_rest(&mut self, last: bool, unclear: bool, completion: &Completion) -> Step {
        if self.left.values().all(|left| *left == 0) {
            return Step::Covered {
                how: "everything is fulfilled in Vendure already".into(),
            };
        }
        match completion {
            _ if unclear => Step::Wait {
                why: "it does not say what is in it, and another package of the order needs a person first".into(),
            },
            Completion::Complete if last => {
                let lines: Vec<LineUnits> = self
                    .left
                    .iter()
                    .filter(|(_, left)| **left > 0)
                    .map(|(line, left)| LineUnits {
                        line: (*line).clone(),
                        quantity: *left,
                    })
                    .collect();
                self.take(&lines);
                Step::Fulfill { lines }
            }
            Completion::Complete => Step::Covered {
                how: "it does not say what is in it; its goods are with the order's last package"
                    .into(),
            },
            Completion::Partial(status) => Step::Wait {
                why: format!(
                    "it does not say what is in it, and the order is not complete yet (status {status})"
                ),
            },
            Completion::NotAsked => Step::Wait {
                why: "it does not say what is in it".into(),
            },
        }
    }

    fn ordered(&self, lines: &[&LineId]) -> u32 {
        self.shop
            .lines
            .iter()
            .filter(|line| lines.contains(&&line.id))
            .map(|line| line.quantity)
            .sum()
    }

    /// Units of a SKU on its lines, one after the other.
    fn spread(&self, lines: &[&LineId], mut units: u32) -> Vec<LineUnits> {
        let mut spread = Vec::new();
        for line in lines {
            let quantity = units.min(self.left[line]);
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

    fn take(&mut self, lines: &[LineUnits]) {
        for units in lines {
            if let Some(left) = self.left.get_mut(&units.line) {
                *left = left.saturating_sub(units.quantity);
            }
        }
    }
}

/// What leaves a package that was seen to as it is.
fn as_it_was(package: &Package) -> Option<Step> {
    if !package.is_settled() {
        return None;
    }
    match (package.status?, &package.fulfillment) {
        (ShipmentStatus::Fulfilled, Some(fulfillment)) => Some(Step::Is {
            fulfillment: fulfillment.clone(),
            ship: false,
        }),
        (ShipmentStatus::Covered, _) => Some(Step::Covered {
            how: "its goods are fulfilled in Vendure already".into(),
        }),
        (ShipmentStatus::Void, _) => Some(Step::Void),
        _ => None,
    }
}

fn taken_back(fulfillment: &FulfillmentId) -> Step {
    problem(format!(
        "VeraCore took the package back after the shop was told of it; if its goods do not go out again, cancel fulfillment {fulfillment} in Vendure"
    ))
}

const fn problem(problem: String) -> Step {
    Step::Problem { problem }
}

fn must_ship(fulfillment: &Fulfillment) -> bool {
    matches!(fulfillment.state.as_str(), "Created" | "Pending")
}

fn sorted(mut lines: Vec<LineUnits>) -> Vec<LineUnits> {
    lines.sort();
    lines
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
