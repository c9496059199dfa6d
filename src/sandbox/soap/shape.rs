//! Validates requests against tables of elements in the WSDL's sequence.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use super::tree::Node;

/// A group's elements, as consecutive slices: a derived type's elements follow those of its base.
pub(super) type Parts = &'static [&'static [Field]];

pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

pub(super) enum Kind {
    /// A string with a maximum number of characters.
    Text(usize),
    /// A whole number between a minimum and a maximum, inclusive.
    Whole(i64, i64),
    Decimal,
    Bool,
    DateTime,
    /// A date with an optional time.
    Date,
    OneOf(&'static [&'static str]),
    Group(Parts),
    /// Any number of elements of this name, each a group.
    List(&'static str, Parts),
    /// An element whose content is not documented; it is not validated.
    Unchecked,
}

pub(super) const fn text(name: &'static str, max_length: usize) -> Field {
    field(name, Kind::Text(max_length))
}

pub(super) const fn int(name: &'static str) -> Field {
    field(name, Kind::Whole(i32::MIN as i64, i32::MAX as i64))
}

pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

pub(super) const fn group(name: &'static str, parts: Parts) -> Field {
    field(name, Kind::Group(parts))
}

/// Validates an element's content: each child known, in the right namespace, in the WSDL's sequence,
/// at most once and of its type. `path` is the element's path, for error messages.
pub(super) fn check(node: &Node, path: &str, parts: Parts, space: &str) -> Result<(), String> {
    check_tag(node, path, space)?;
    check_no_text(node, path)?;
    let mut fields = parts.iter().flat_map(|part| part.iter());
    for child in &node.children {
        let path = format!("{path}/{}", child.name);
        match fields.find(|field| field.name == child.name) {
            Some(field) => check_value(child, &path, &field.kind, space)?,
            None if has_field(parts, &child.name) => {
                return Err(format!("{path} is repeated, or not in the WSDL's sequence"));
            }
            None => return Err(format!("{path} is not in the WSDL")),
        }
    }
    Ok(())
}

fn has_field(parts: Parts, name: &str) -> bool {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .any(|field| field.name == name)
}

/// Requires the right namespace and no attributes.
fn check_tag(node: &Node, path: &str, space: &str) -> Result<(), String> {
    if node.space.as_deref() != Some(space) {
        let found = node.space.as_deref().unwrap_or("no namespace");
        return Err(format!("{path} is in {found}, not in {space}"));
    }
    match node.attributes.first() {
        Some(attribute) => Err(format!("{path} has an attribute {attribute}")),
        None => Ok(()),
    }
}

fn check_no_text(node: &Node, path: &str) -> Result<(), String> {
    if node.text.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("{path} contains text instead of elements"))
    }
}

fn check_value(node: &Node, path: &str, kind: &Kind, space: &str) -> Result<(), String> {
    match kind {
        Kind::Unchecked => return Ok(()),
        Kind::Group(parts) => return check(node, path, parts, space),
        Kind::List(item, parts) => return check_list(node, path, item, parts, space),
        _ => {}
    }
    check_tag(node, path, space)?;
    if let Some(child) = node.children.first() {
        return Err(format!("{path} contains an element {}", child.name));
    }
    let text = node.text.as_str();
    if node.nil {
        return if text.is_empty() {
            Ok(())
        } else {
            Err(format!("{path} is nil and has a value"))
        };
    }
    let is_valid = match kind {
        Kind::Text(max) => {
            let length = text.chars().count();
            if length > *max {
                let message = format!("{path} has {length} characters; {max} are allowed");
                return Err(message);
            }
            true
        }
        Kind::Whole(min, max) => is_whole(text, *min, *max),
        Kind::Decimal => is_decimal(text),
        Kind::Bool => matches!(text, "true" | "false" | "1" | "0"),
        Kind::DateTime => date_time(text).is_some(),
        Kind::Date => date_time(text).or_else(|| date(text)).is_some(),
        Kind::OneOf(values) => values.contains(&text),
        Kind::Group(_) | Kind::List(..) | Kind::Unchecked => true,
    };
    if is_valid {
        Ok(())
    } else {
        Err(format!(
            "{path}: Input string was not in a correct format: {text:?}"
        ))
    }
}

fn check_list(
    node: &Node,
    path: &str,
    item: &str,
    parts: Parts,
    space: &str,
) -> Result<(), String> {
    check_tag(node, path, space)?;
    check_no_text(node, path)?;
    for (index, child) in node.children.iter().enumerate() {
        if child.name != item {
            return Err(format!("{path}/{} is not in the WSDL", child.name));
        }
        check(child, &format!("{path}/{item}[{index}]"), parts, space)?;
    }
    Ok(())
}

fn is_whole(text: &str, min: i64, max: i64) -> bool {
    !text.starts_with('+')
        && text
            .parse::<i64>()
            .is_ok_and(|number| (min..=max).contains(&number))
}

/// Digits, with a dot before decimal places: no comma, no exponent.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    match number.split_once('.') {
        Some((whole, places)) => digits(whole) && digits(places),
        None => digits(number),
    }
}

/// A local date and time, and its offset from UTC in seconds if there is one.
pub(super) fn date_time(text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
    const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.f";
    let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if !has_separators(text, &separators) {
        return None;
    }
    let parsed = match NaiveDateTime::parse_from_str(text, FORMAT) {
        Ok(time) => (time, None),
        Err(_) => {
            let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
            (time.naive_local(), Some(time.offset().local_minus_utc()))
        }
    };
    is_sql_date(parsed.0.date()).then_some(parsed)
}

/// A date, as its first second.
pub(super) fn date(text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
    if text.len() != 10 || !has_separators(text, &[(4, "-"), (7, "-")]) {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    is_sql_date(date).then(|| (date.into(), None))
}

/// Checks each separator's position: chrono also accepts numbers with fewer digits.
fn has_separators(text: &str, separators: &[(usize, &str)]) -> bool {
    separators
        .iter()
        .all(|(at, separator)| text.get(*at..at + 1) == Some(separator))
}

/// SQL Server's `datetime` starts in 1753; an unset .NET date is in the year 1.
fn is_sql_date(date: NaiveDate) -> bool {
    (1753..=9999).contains(&date.year())
}
