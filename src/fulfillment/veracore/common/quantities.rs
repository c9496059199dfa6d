//! Quantities, read exactly from any notation of a number.

use crate::domain::{InvalidQuantity, Units, text::one_line};

/// Reads a number digit by digit: a float or a decimal of fixed width would round it.
pub(crate) fn parse_units(number: &str) -> Result<Units, InvalidQuantity> {
    // The fast path: nearly all are written like this.
    if number.len() < 10
        && number.bytes().all(|b| b.is_ascii_digit())
        && let Ok(units) = number.parse::<u32>()
    {
        return Units::new(units);
    }
    let shown = || one_line(number, 40);
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    // A text from XML may be anything, for example `-` or `5 pcs`.
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(integer) && digits(fraction) && digits(power);
    if integer.is_empty() || power.is_empty() || !plain {
        return Err(InvalidQuantity::NotANumber);
    }
    let digits = format!("{integer}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Ok(Units::ZERO);
    }
    if number.starts_with('-') {
        return Err(InvalidQuantity::Negative(shown()));
    }
    // number = significant × 10^zeros
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let moved = i64::try_from(trailing).unwrap_or(i64::MAX)
        - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let absurd = if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    let zeros = exponent
        .parse::<i64>()
        .unwrap_or(absurd)
        .saturating_add(moved);
    let Ok(zeros) = usize::try_from(zeros) else {
        return Err(InvalidQuantity::Fractional(shown()));
    };
    if significant.len().saturating_add(zeros) > 10 {
        return Err(InvalidQuantity::TooLarge(shown()));
    }
    let units = format!("{significant}{}", "0".repeat(zeros)).parse::<u32>();
    Units::new(units.map_err(|_| InvalidQuantity::TooLarge(shown()))?)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::fulfillment::veracore::common::fields::units;

    fn count(number: &str) -> Result<u32, String> {
        let raw = RawValue::from_string(number.to_owned()).unwrap();
        units("N", Some(&raw)).map(|units| units.unwrap().get())
    }

    #[test]
    fn whole_numbers_are_exact_in_any_notation() {
        for (number, units) in [
            ("0", 0),
            ("-0", 0),
            ("-0.00e5", 0),
            ("45", 45),
            ("45.0", 45),
            ("1e3", 1000),
            ("1.5E+1", 15),
            ("4500e-2", 45),
            ("0.00045e5", 45),
            ("100000000", 100_000_000),
        ] {
            assert_eq!(count(number), Ok(units), "{number}");
        }
    }

    #[test]
    fn texts_that_only_begin_like_numbers_are_refused() {
        for text in [
            "", "-", "--0", "-e5", "5 pcs", "1,000", "0x10", "1e", "1e+", "+1", ".5", "1.2.3",
            "NaN", " 1", "٣",
        ] {
            assert_eq!(
                parse_units(text),
                Err(InvalidQuantity::NotANumber),
                "{text:?}"
            );
        }
    }

    #[test]
    fn other_numbers_are_refused_with_the_reason() {
        assert_eq!(count("-1"), Err("N: -1 is negative".into()));
        assert_eq!(count("1.5"), Err("N: 1.5 is not a whole number".into()));
        assert_eq!(count("15e-1"), Err("N: 15e-1 is not a whole number".into()));
        assert_eq!(count("\"45\""), Err("N: it is not a number".into()));
        assert_eq!(count("[4]"), Err("N: it is not a number".into()));
        for fractional in [
            "1.0000000000000000000000000000000000000001",
            "1e-99999999999999999999",
        ] {
            assert!(
                count(fractional)
                    .unwrap_err()
                    .ends_with("not a whole number")
            );
        }
        for large in [
            "100000001",
            "9e9",
            "1e999999999999999999999",
            "12345678901234567890123",
        ] {
            assert!(count(large).unwrap_err().contains("is more than"));
        }
    }
}
