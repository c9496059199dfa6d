//! The single values of a JSON response: texts, codes, ids and counts.
//!
//! A problem names its field and never quotes a text, which may be a name or a secret.

use serde_json::value::RawValue;

use super::{MAX_CODE_CHARS, MAX_LABEL_CHARS, quantities::parse_units};
use crate::domain::{InvalidIdentifier, Units, text::one_line};

/// A field's JSON; `None` when it is absent or null.
pub(crate) type JsonField<'a> = Option<&'a RawValue>;

/// A problem with a response or one of its fields; the field's name comes first.
pub(crate) type ParseProblem = String;

pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, ParseProblem> {
    value.ok_or_else(|| format!("{field} is missing"))
}

/// A text, unchanged. A number is refused: `0017` would have lost its zeros.
pub(crate) fn text(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let Some(raw) = raw else { return Ok(None) };
    if !raw.get().starts_with('"') {
        return Err(format!("{field} is not a text"));
    }
    serde_json::from_str(raw.get())
        .map(Some)
        .map_err(|_| format!("{field} is not valid Unicode"))
}

/// An identifier that is compared exactly, including spaces and case.
pub(crate) fn exact_text<T>(
    field: &str,
    raw: JsonField<'_>,
    parse: impl FnOnce(String) -> Result<T, InvalidIdentifier>,
) -> Result<T, ParseProblem> {
    let text = required(field, text(field, raw)?)?;
    parse(text).map_err(|error| format!("{field}: {error}"))
}

/// A trimmed code; `None` when it is blank.
pub(crate) fn code(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let code = unbounded_code(field, raw)?;
    match code.as_ref().map(|code| code.chars().count()) {
        Some(chars) if chars > MAX_CODE_CHARS => Err(format!("{field} is {chars} characters long")),
        _ => Ok(code),
    }
}

/// A [`code`] of any length: tokens can have thousands of characters.
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

/// An id that VeraCore assigned: a code, or an integer, kept digit by digit.
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

/// A text that is only displayed, as one bounded line.
pub(crate) fn label(field: &str, raw: JsonField<'_>) -> Result<Option<String>, ParseProblem> {
    let text = text(field, raw)?.map(|text| one_line(&text, MAX_LABEL_CHARS));
    Ok(text.filter(|text| !text.is_empty()))
}

/// A count of units: a JSON number that is whole in any notation (`45`, `45.0`, `4.5e1`).
pub(crate) fn units(field: &str, raw: JsonField<'_>) -> Result<Option<Units>, ParseProblem> {
    let Some(raw) = raw else { return Ok(None) };
    parse_units(raw.get())
        .map(Some)
        .map_err(|error| format!("{field}: {error}"))
}
