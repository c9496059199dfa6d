//! Whole units of goods, exact.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest accepted count; a larger one is a mistake of the sender.
const MAX_UNITS: u32 = 100_000_000;

/// The reason why a number from outside is not a count of units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuantity {
    #[error("{0} is negative")]
    Negative(String),
    #[error("{0} is not a whole number")]
    Fractional(String),
    #[error("{0} is more than {MAX_UNITS} units")]
    TooLarge(String),
    #[error("it is not a number")]
    NotANumber,
    #[error("it is zero")]
    Zero,
}

/// A count of units, zero or more.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Units(u32);

impl Units {
    pub const ZERO: Self = Self(0);

    pub fn new(units: u32) -> Result<Self, InvalidQuantity> {
        if units > MAX_UNITS {
            return Err(InvalidQuantity::TooLarge(units.to_string()));
        }
        Ok(Self(units))
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ordered units of a line: one or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Quantity(Units);

impl Quantity {
    pub fn new(units: u32) -> Result<Self, InvalidQuantity> {
        if units == 0 {
            return Err(InvalidQuantity::Zero);
        }
        Units::new(units).map(Self)
    }

    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_of_sane_size_are_units() {
        assert_eq!(Units::new(45).map(Units::get), Ok(45));
        assert_eq!(Units::new(MAX_UNITS).map(Units::get), Ok(MAX_UNITS));
        assert!(matches!(
            Units::new(MAX_UNITS + 1),
            Err(InvalidQuantity::TooLarge(_))
        ));
        assert_eq!(Quantity::new(0), Err(InvalidQuantity::Zero));
    }
}
