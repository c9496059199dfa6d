//! Pick slips: the lists by which goods are picked, and which units and packages belong to each.

use super::orders::{ArrivedOrder, Item, Package, Slip, Units};

pub(super) fn units_of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Units {
    let mut units = Units::new();
    for item in items {
        let sum = units.entry(item.sku.clone()).or_default();
        *sum = sum.saturating_add(item.quantity);
    }
    units
}

/// Subtracts per SKU, dropping SKUs of which nothing is left.
fn subtract(from: &Units, subtrahend: &Units) -> Units {
    let mut rest = from.clone();
    for (sku, units) in subtrahend {
        if let Some(left) = rest.get_mut(sku) {
            *left = left.saturating_sub(*units);
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

    /// Units of a slip that are in no live package.
    fn unpacked(&self, slip: &Slip) -> Units {
        let live = self
            .packages_of(slip.number)
            .filter(|package| !package.voided);
        subtract(&slip.goods, &units_of(live.flat_map(|p| &p.items)))
    }

    /// Returns the slip for a shipment: the one whose void packages had exactly these goods, the
    /// one being picked, or a new one with `new_number`.
    pub(super) fn slip_for(&mut self, goods: Units, new_number: u32) -> u32 {
        let repacked = self.slips.iter().find(|slip| self.unpacked(slip) == goods);
        if let Some(slip) = repacked {
            return slip.number;
        }
        // Move unpacked units from other slips to this one, so that no unit is planned twice.
        let mut to_move = goods.clone();
        for index in 0..self.slips.len() {
            let unpacked = self.unpacked(&self.slips[index]);
            for (sku, units) in unpacked {
                let needed = to_move.entry(sku.clone()).or_default();
                let moved = units.min(*needed);
                *needed -= moved;
                if let Some(planned) = self.slips[index].goods.get_mut(&sku) {
                    *planned -= moved;
                }
            }
            self.slips[index].goods.retain(|_, units| *units > 0);
        }
        let number = self.picked_slip.take().unwrap_or(new_number);
        self.slips.push(Slip { number, goods });
        number
    }

    /// The slip being picked, with the goods planned for it.
    pub(super) fn open_slip(&self) -> Option<Slip> {
        let number = self.picked_slip.filter(|_| !self.cancelled)?;
        let planned = self
            .slips
            .iter()
            .flat_map(|slip| self.unpacked(slip))
            .map(Item::from)
            .collect::<Vec<_>>();
        let goods = subtract(&self.left_to_ship(), &units_of(&planned));
        (!goods.is_empty()).then_some(Slip { number, goods })
    }
}
