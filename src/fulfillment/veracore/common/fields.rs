//! The single values of an answer: texts, ids and counts.
//!
//! Owns which spellings of a value are taken and what is said of the others. A problem names its
//! field and never quotes a text, which may be anybody's name or a secret. Must not know rows.

use serde_json::value::RawValue;

use crate::domain::{InvalidIdentifier, InvalidQuantity, Units, text::one_line};

/// A field as it was written; nothing when it is absent or null.
pub(crate) type JsonField<'a> = Option<&'a RawValue>;

/// What is wrong with a field, its name first.
pub(crate) type ParseProblem = String;

/// Codes and ids above this length are nobody's.
const MAX_CODE_CHARS: usize = 255;

/// Words of VeraCore's that are only shown: states, carriers, services.
const MAX_LABEL_CHARS: usize = 100;

pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, ParseProblem> {
    value.ok_or_else(|| format!("{field} is missing"))
}

/// A text as it is. Numbers are no texts: `0017` would have lost its zeros on the way.
pub(crate) fn text(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let Some(raw) = raw else { return Ok(None) };
    if !raw.get().starts_with('"') {
        return Err(format!("{field} is not a text"));
    }
    serde_json::from_str(raw.get())
        .map(Some)
        .map_err(|_| format!("{field} is not valid Unicode"))
}

/// A name that is compared exactly, spaces and case included.
pub(crate) fn exact_text<T>(
    field: &str,
    raw: JsonField<'_>,
    parse: impl FnOnce(String) -> Result<T, InvalidIdentifier>,
) -> Result<T, ParseProblem> {
    let text = required(field, text(field, raw)?)?;
    parse(text).map_err(|error| format!("{field}: {error}"))
}

/// A code that is passed on, without the space around it; a blank one is none.
pub(crate) fn code(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let code = unbounded_code(field, raw)?;
    match code.as_ref().map(|code| code.chars().count()) {
        Some(chars) if chars > MAX_CODE_CHARS => Err(format!("{field} is {chars} characters long")),
        _ => Ok(code),
    }
}

/// [`code`], for what is not ours to measure: tokens can be thousands of characters long.
pub(crate) fn unbounded_code(
    field: &str,
    raw: JsonField<'_>,
) -> Result<Option<String>, ParseProblem> {
    let Some(text) = text(field, raw)? else {
        return Ok(None);
    };
    let code = text.trim();
    if code.chars().any(char::is_control) {
        return Err(format!("{field} contains a control character"));
    }
    Ok((!code.is_empty()).then(|| code.to_owned()))
}

/// An id that VeraCore made up: a code, or a whole number, kept digit by digit.
pub(crate) fn id(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    match raw {
        Some(raw) if raw.get().bytes().all(|b| b.is_ascii_digit()) => {
            let digits = raw.get();
            if digits.len() > MAX_CODE_CHARS {
                return Err(format!("{field} is {} characters long", digits.len()));
            }
            Ok(Some(digits.to_owned()))
        }
        _ => code(field, raw).map_err(|problem| problem.replace("a text", "a text or an integer")),
    }
}

/// Words that are only shown, made safe for it.
pub(crate) fn label(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let text = text(field, raw)?.map(|text| one_line(&text, MAX_LABEL_CHARS));
    Ok(text.filter(|text| !text.is_empty()))
}

/// A count of units: a JSON number that is whole, however it is written (`45`, `45.0`, `4.5e1`).
pub(crate) fn units(field: &str, raw: JsonField<'_>) -> Result<Option<Units>, ParseProblem> {
    let Some(raw) = raw else { return Ok(None) };
    parse_units(raw.get())
        .map(Some)
        .map_err(|error| format!("{field}: {error}"))
}

/// Reads a JSON number digit by digit: a float would round it, and so would a decimal of fixed
/// width.
pub(crate) fn parse_units(number: &str) -> Result<Units, InvalidQuantity> {
    // As nearly all are written.
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
    // Not all that is read here was JSON before: of XML it may be any text, `-` and `5 pcs` among
    // them.
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
    // The number is `significant` times ten to the power of `zeros`.
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
    use super::*;

    fn count(number: &str) -> Result<u32, String> {
        let raw = RawValue::from_string(number.to_owned()).unwrap();
        units("N", Some(&raw)).map(|units| units.unwrap().get())
    }

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
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
    fn texts_that_begin_like_numbers_are_none() {
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
    fn other_numbers_are_named_for_what_they_are() {
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
