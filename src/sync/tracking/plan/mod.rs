//! Plans fulfillments: which parcel becomes one, which one exists already, which parcel needs
//! attention. Pure.
//!
//! A parcel is matched with the shop's fulfillments before one is created for it, and no unit of a line
//! is used twice. Unclear cases are reported, never guessed.

use std::collections::BTreeMap;

use super::parcels::Parcel;
use crate::{
    domain::{FulfillmentId, LineId, LineUnits},
    fulfillment::is_complete_status,
    ledger::{SentLine, ShipmentStatus},
    vendure::{Fulfillment, FulfillmentProgress},
};

/// The extent to which an order has shipped. It decides about parcels that do not list their items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCompletion {
    /// Everything was shipped.
    Complete,
    /// More may follow; VeraCore's status.
    Partial(String),
    /// No parcel needed it.
    NotChecked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParcelStep {
    /// VeraCore voided it before it was fulfilled in the shop.
    Void,
    Wait {
        reason: String,
    },
    /// Create a fulfillment with these lines and ship it.
    Fulfill {
        lines: Vec<LineUnits>,
    },
    /// It is this fulfillment already, which may still need shipping.
    Existing {
        fulfillment: FulfillmentId,
        needs_shipping: bool,
    },
    /// The shop has fulfilled its goods otherwise.
    Covered {
        reason: String,
    },
    Problem {
        problem: String,
    },
}

impl OrderCompletion {
    pub fn from_status(status: &str) -> Self {
        if is_complete_status(status) {
            Self::Complete
        } else {
            Self::Partial(status.to_owned())
        }
    }
}

/// A parcel that left does not list its items and is not fulfilled: the order's status must decide.
pub fn needs_order_status(parcels: &[Parcel]) -> bool {
    parcels.iter().any(|parcel| {
        parcel.report.items.is_none()
            && parcel.fulfillment.is_none()
            && parcel.has_shipped()
            && !parcel.is_idle()
    })
}

/// Plans one step for each parcel, in the same order.
pub fn plan_fulfillments(
    shop: &FulfillmentProgress,
    sent: &[SentLine],
    parcels: &[Parcel],
    completion: &OrderCompletion,
) -> Vec<ParcelStep> {
    if shop.state.is_being_edited() {
        let reason = format!(
            "the order is being edited in Vendure (state {})",
            shop.state
        );
        let keep = |parcel| {
            settled_step(parcel).unwrap_or_else(|| ParcelStep::Wait {
                reason: reason.clone(),
            })
        };
        return parcels.iter().map(keep).collect();
    }
    let mut planner = FulfillmentPlanner::new(shop, sent, parcels);
    // By ship date, so that the same parcels always lead to the same steps.
    let mut order: Vec<usize> = (0..parcels.len()).collect();
    order.sort_by_key(|at| (parcels[*at].report.shipped_at, parcels[*at].key.clone()));
    let mut steps: BTreeMap<usize, ParcelStep> = BTreeMap::new();
    let mut open = Vec::new();
    for at in order {
        match planner.step_without_matching(&parcels[at]) {
            Some(step) => {
                steps.insert(at, step);
            }
            None => open.push(at),
        }
    }
    let mut without_items = Vec::new();
    for at in open {
        let step = match planner.match_fulfillment(&parcels[at]) {
            Some(step) => step,
            None if parcels[at].is_void() => ParcelStep::Void,
            None if parcels[at].report.items.is_none() => {
                without_items.push(at);
                continue;
            }
            None => planner.plan_by_items(&parcels[at]),
        };
        steps.insert(at, step);
    }
    let unclear = steps
        .values()
        .any(|step| matches!(step, ParcelStep::Problem { .. }));
    let last = without_items.last().copied();
    for at in without_items {
        let step = planner.plan_remainder(Some(at) == last, unclear, completion);
        steps.insert(at, step);
    }
    steps.into_values().collect()
}

/// The rest of the order while steps are planned.
struct FulfillmentPlanner<'a> {
    shop: &'a FulfillmentProgress,
    sent: &'a [SentLine],
    remaining: BTreeMap<&'a LineId, u32>,
    /// Fulfillments that are not linked with a parcel.
    unlinked: Vec<&'a Fulfillment>,
    /// The tracking numbers of all parcels.
    tracking_numbers: Vec<&'a str>,
}

impl<'a> FulfillmentPlanner<'a> {
    fn new(shop: &'a FulfillmentProgress, sent: &'a [SentLine], parcels: &'a [Parcel]) -> Self {
        let is_linked = |id: &FulfillmentId| {
            parcels
                .iter()
                .any(|parcel| parcel.fulfillment.as_ref() == Some(id))
        };
        let live = shop.fulfillments.iter().filter(|f| !f.is_cancelled());
        Self {
            shop,
            sent,
            remaining: sent
                .iter()
                .map(|line| (&line.line, shop.unfulfilled_units(&line.line)))
                .collect(),
            unlinked: live.filter(|f| !is_linked(&f.id)).collect(),
            tracking_numbers: parcels
                .iter()
                .filter_map(|parcel| parcel.report.tracking_number.as_deref().map(str::trim))
                .collect(),
        }
    }

    /// Plans a parcel that is linked with a fulfillment, void, or waiting.
    fn step_without_matching(&self, parcel: &Parcel) -> Option<ParcelStep> {
        let linked = parcel.fulfillment.as_ref().map(|id| {
            let found = self.shop.fulfillments.iter().find(|f| f.id == *id);
            (id, found)
        });
        match linked {
            Some((id, found)) if parcel.is_void() => Some(match found {
                Some(found) if !found.is_cancelled() => voided_after_fulfillment(id),
                _ => ParcelStep::Void,
            }),
            Some((id, Some(found))) if found.is_cancelled() => Some(problem(format!(
                "its fulfillment {id} was cancelled in Vendure; the parcel is not fulfilled again"
            ))),
            Some((id, Some(found))) => Some(ParcelStep::Existing {
                fulfillment: id.clone(),
                needs_shipping: needs_shipping(found),
            }),
            Some((id, None)) => Some(problem(format!(
                "its fulfillment {id} is no longer in Vendure"
            ))),
            // A fulfillment that was started may exist in the shop.
            None if parcel.is_void() => parcel.intended.is_none().then_some(ParcelStep::Void),
            None => parcel
                .waiting_reason()
                .map(|reason| ParcelStep::Wait { reason }),
        }
    }

    /// Finds the parcel among the unlinked fulfillments: created here before a crash, or by hand. One
    /// with the intended lines is preferred. If VeraCore corrected the tracking number since the
    /// intent, the lines alone identify it, unless its number is another parcel's.
    fn match_fulfillment(&mut self, parcel: &Parcel) -> Option<ParcelStep> {
        let number = parcel.report.tracking_number.as_deref()?.trim();
        let has_number = |f: &Fulfillment, number: &str| {
            f.tracking_code
                .as_deref()
                .is_some_and(|code| code.trim() == number)
        };
        let same_number = |f: &&Fulfillment| has_number(f, number);
        let is_other_parcel = |f: &Fulfillment| {
            self.tracking_numbers
                .iter()
                .any(|number| has_number(f, number))
        };
        let intended = parcel.intended.clone().map(sorted);
        let found = self
            .unlinked
            .iter()
            .position(|f| same_number(f) && intended.as_ref() == Some(&sorted(f.lines.clone())))
            .or_else(|| self.unlinked.iter().position(same_number))
            .or_else(|| {
                let intended = intended.as_ref()?;
                let same_lines =
                    |f: &&Fulfillment| !is_other_parcel(f) && sorted(f.lines.clone()) == *intended;
                self.unlinked.iter().position(same_lines)
            })?;
        let found = self.unlinked.remove(found);
        if parcel.is_void() {
            return Some(voided_after_fulfillment(&found.id));
        }
        Some(ParcelStep::Existing {
            fulfillment: found.id.clone(),
            needs_shipping: needs_shipping(found),
        })
    }

    fn plan_by_items(&mut self, parcel: &Parcel) -> ParcelStep {
        let mut contents: BTreeMap<&str, u32> = BTreeMap::new();
        for item in parcel.report.items.iter().flatten() {
            let units = contents.entry(item.sku.as_str()).or_default();
            *units = units.saturating_add(item.quantity);
        }
        if contents.is_empty() {
            return problem("VeraCore lists no items in it".into());
        }
        let mut lines = Vec::new();
        let mut already_fulfilled = 0;
        for (sku, units) in &contents {
            let sku_lines: Vec<&LineId> = self
                .sent
                .iter()
                .filter(|line| line.sku.as_str() == *sku)
                .map(|line| &line.line)
                .collect();
            if sku_lines.is_empty() {
                return problem(format!(
                    "it contains {units} of {sku}, which was not in the order sent"
                ));
            }
            let ordered = self.ordered_units(&sku_lines);
            if *units > ordered {
                let cancelled = if ordered == 0 { ": cancelled" } else { "" };
                return problem(format!(
                    "it contains {units} of {sku}, of which {ordered} are ordered in Vendure{cancelled}"
                ));
            }
            let remaining: u32 = sku_lines.iter().map(|line| self.remaining[line]).sum();
            if remaining == 0 {
                already_fulfilled += 1;
            } else if *units > remaining {
                return problem(format!(
                    "it contains {units} of {sku}, of which only {remaining} are not fulfilled in Vendure yet"
                ));
            }
            lines.extend(self.distribute_units(&sku_lines, *units));
        }
        if already_fulfilled == contents.len() {
            return ParcelStep::Covered {
                reason: "another fulfillment in Vendure already covers its goods".into(),
            };
        }
        if already_fulfilled > 0 {
            return problem(
                "another fulfillment in Vendure already covers some of its goods".into(),
            );
        }
        self.subtract_units(&lines);
        ParcelStep::Fulfill { lines }
    }

    /// Plans a parcel that does not list its items: the last one gets everything that remains.
    fn plan_remainder(
        &mut self,
        is_last: bool,
        has_problem: bool,
        completion: &OrderCompletion,
    ) -> ParcelStep {
        if self.remaining.values().all(|units| *units == 0) {
            return ParcelStep::Covered {
                reason: "the order is already fulfilled in Vendure".into(),
            };
        }
        match completion {
            _ if has_problem => ParcelStep::Wait {
                reason: "VeraCore does not list its items, and another parcel of the order needs attention first".into(),
            },
            OrderCompletion::Complete if is_last => {
                let lines: Vec<LineUnits> = self
                    .remaining
                    .iter()
                    .filter(|(_, units)| **units > 0)
                    .map(|(line, units)| LineUnits {
                        line: (*line).clone(),
                        quantity: *units,
                    })
                    .collect();
                self.subtract_units(&lines);
                ParcelStep::Fulfill { lines }
            }
            OrderCompletion::Complete => ParcelStep::Covered {
                reason: "VeraCore does not list its items; the order's last parcel covers them".into(),
            },
            OrderCompletion::Partial(status) => ParcelStep::Wait {
                reason: format!(
                    "VeraCore does not list its items, and the order is not complete yet (status {status})"
                ),
            },
            OrderCompletion::NotChecked => ParcelStep::Wait {
                reason: "VeraCore does not list its items".into(),
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

    /// Distributes a SKU's units over its lines, one line after the other.
    fn distribute_units(&self, lines: &[&LineId], mut units: u32) -> Vec<LineUnits> {
        let mut distributed = Vec::new();
        for line in lines {
            let quantity = units.min(self.remaining[line]);
            if quantity > 0 {
                units -= quantity;
                distributed.push(LineUnits {
                    line: (*line).clone(),
                    quantity,
                });
            }
        }
        distributed
    }

    fn subtract_units(&mut self, lines: &[LineUnits]) {
        for units in lines {
            if let Some(remaining) = self.remaining.get_mut(&units.line) {
                *remaining = remaining.saturating_sub(units.quantity);
            }
        }
    }
}

/// The step that changes nothing about a settled parcel.
fn settled_step(parcel: &Parcel) -> Option<ParcelStep> {
    if !parcel.is_settled() {
        return None;
    }
    match (parcel.status?, &parcel.fulfillment) {
        (ShipmentStatus::Fulfilled, Some(fulfillment)) => Some(ParcelStep::Existing {
            fulfillment: fulfillment.clone(),
            needs_shipping: false,
        }),
        (ShipmentStatus::Covered, _) => Some(ParcelStep::Covered {
            reason: "its goods are already fulfilled in Vendure".into(),
        }),
        (ShipmentStatus::Void, _) => Some(ParcelStep::Void),
        _ => None,
    }
}

fn voided_after_fulfillment(fulfillment: &FulfillmentId) -> ParcelStep {
    problem(format!(
        "VeraCore voided the parcel after it was fulfilled in Vendure; unless it is shipped again, cancel fulfillment {fulfillment} in Vendure"
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
