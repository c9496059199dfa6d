//! Pick slips: the sheets with which goods are fetched, and which packages were packed from each.
//!
//! Owns which units belong to which slip. Must not decide what is shipped: the warehouse does.

use super::orders::{ArrivedOrder, Item, Package, Slip, Units};

pub(super) fn units_of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Units {
    let mut units = Units::new();
    for item in items {
        let sum = units.entry(item.sku.clone()).or_default();
        *sum = sum.saturating_add(item.quantity);
    }
    units
}

/// `from` without what is in `taken`; what is zero is left out.
fn less(from: &Units, taken: &Units) -> Units {
    let mut rest = from.clone();
    for (sku, units) in taken {
        if let Some(there) = rest.get_mut(sku) {
            *there = there.saturating_sub(*units);
        }
    }
    rest.retain(|_, units| *units > 0);
    rest
}

impl ArrivedOrder {
    pub(super) fn packages_of(&self, slip: u32) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(move |package| package.slip == slip)
    }

    /// Units of a slip that are in no package, or in void ones only.
    fn waiting(&self, slip: &Slip) -> Units {
        let live = self
            .packages_of(slip.number)
            .filter(|package| !package.voided);
        less(&slip.goods, &units_of(live.flat_map(|p| &p.items)))
    }

    /// The slip that goods leave on: the one whose void packages held just them, the one that is
    /// being picked, or a new one of number `fresh`.
    pub(super) fn slip_for(&mut self, goods: Units, fresh: u32) -> u32 {
        let repacked = self.slips.iter().find(|slip| self.waiting(slip) == goods);
        if let Some(slip) = repacked {
            return slip.number;
        }
        // What waits on another slip moves here, so that no unit is planned twice.
        let mut to_move = goods.clone();
        for place in 0..self.slips.len() {
            let waiting = self.waiting(&self.slips[place]);
            for (sku, units) in waiting {
                let wanted = to_move.entry(sku.clone()).or_default();
                let moved = units.min(*wanted);
                *wanted -= moved;
                if let Some(planned) = self.slips[place].goods.get_mut(&sku) {
                    *planned -= moved;
                }
            }
            self.slips[place].goods.retain(|_, units| *units > 0);
        }
        let number = self.picked_slip.take().unwrap_or(fresh);
        self.slips.push(Slip { number, goods });
        number
    }

    /// The slip that is being picked, with what it will hold.
    pub(super) fn open_slip(&self) -> Option<Slip> {
        let number = self.picked_slip.filter(|_| !self.cancelled)?;
        let planned = self
            .slips
            .iter()
            .flat_map(|slip| self.waiting(slip))
            .map(Item::from)
            .collect::<Vec<_>>();
        let goods = less(&self.left_to_ship(), &units_of(&planned));
        (!goods.is_empty()).then_some(Slip { number, goods })
    }
}
