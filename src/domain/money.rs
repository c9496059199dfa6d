//! Amounts of money, exact to the last digit.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

/// An amount in the major unit of its order's currency: `12.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(Decimal);

impl Money {
    /// Vendure stores money as integers; `precision` is the shop's number of decimal places
    /// (`moneyStrategyPrecision`, 2 unless the shop says otherwise), the same for all currencies.
    ///
    /// `None` for a precision above 12, which no shop has.
    pub fn from_minor(minor: i64, precision: u32) -> Option<Self> {
        (precision <= 12).then(|| Self(Decimal::new(minor, precision)))
    }

    pub const fn as_decimal(self) -> Decimal {
        self.0
    }
}

impl Serialize for Money {
    /// As a string: JSON numbers are often parsed as binary fractions.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An ISO 4217 code as the shop gives it, `"USD"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CurrencyCode(String);

impl CurrencyCode {
    /// `None` unless the text is three capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()))
            .then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_become_exact_decimals() {
        assert_eq!(Money::from_minor(1250, 2).unwrap().to_string(), "12.50");
        assert_eq!(Money::from_minor(5, 3).unwrap().to_string(), "0.005");
        assert_eq!(Money::from_minor(500, 0).unwrap().to_string(), "500");
        assert_eq!(Money::from_minor(1, 13), None);
    }
}
