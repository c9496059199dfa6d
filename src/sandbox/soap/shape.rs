//! What a request may look like: tables of elements in the WSDL's sequence, and the check of a
//! request against them.
//!
//! Owns types and their spelling. Must not know which operation has which table, nor what values
//! mean.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use super::tree::Node;

/// A group's elements: several slices one after the other, as a derived type follows its base.
pub(super) type Parts = &'static [&'static [Field]];

pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

pub(super) enum Kind {
    /// At most so many characters.
    Text(usize),
    /// Between these, both included.
    Whole(i64, i64),
    Decimal,
    Bool,
    /// A date with a time.
    Moment,
    /// The time may be absent.
    Day,
    OneOf(&'static [&'static str]),
    Group(Parts),
    /// Any number of elements of this name, each a group.
    List(&'static str, Parts),
    /// Known to exist, not known in detail; anything in it passes.
    Unchecked,
}

pub(super) const fn text(name: &'static str, longest: usize) -> Field {
    field(name, Kind::Text(longest))
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

/// Checks what is in an element: each element known, in the right namespace, in the WSDL's
/// sequence, at most once, and of its type. `path` is where it stands, for the messages.
pub(super) fn check(node: &Node, path: &str, parts: Parts, space: &str) -> Result<(), String> {
    plain(node, path, space)?;
    no_text(node, path)?;
    let mut fields = parts.iter().flat_map(|part| part.iter());
    for child in &node.children {
        let place = format!("{path}/{}", child.name);
        match fields.find(|field| field.name == child.name) {
            Some(field) => value(child, &place, &field.kind, space)?,
            None if exists(parts, &child.name) => {
                return Err(format!(
                    "{place} is repeated, or not in the WSDL's sequence"
                ));
            }
            None => return Err(format!("{place} is not in the WSDL")),
        }
    }
    Ok(())
}

fn exists(parts: Parts, name: &str) -> bool {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .any(|field| field.name == name)
}

/// The right namespace, and no attribute.
fn plain(node: &Node, path: &str, space: &str) -> Result<(), String> {
    if node.space.as_deref() != Some(space) {
        let found = node.space.as_deref().unwrap_or("no namespace");
        return Err(format!("{path} is in {found}, not in {space}"));
    }
    match node.attributes.first() {
        Some(attribute) => Err(format!("{path} has an attribute {attribute}")),
        None => Ok(()),
    }
}

fn no_text(node: &Node, path: &str) -> Result<(), String> {
    if node.text.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("{path} holds text where elements belong"))
    }
}

fn value(node: &Node, path: &str, kind: &Kind, space: &str) -> Result<(), String> {
    match kind {
        Kind::Unchecked => return Ok(()),
        Kind::Group(parts) => return check(node, path, parts, space),
        Kind::List(item, parts) => return list(node, path, item, parts, space),
        _ => {}
    }
    plain(node, path, space)?;
    if let Some(child) = node.children.first() {
        return Err(format!("{path} holds an element {}", child.name));
    }
    let text = node.text.as_str();
    if node.nil {
        return if text.is_empty() {
            Ok(())
        } else {
            Err(format!("{path} is nil and has a value"))
        };
    }
    let fits = match kind {
        Kind::Text(longest) => {
            let length = text.chars().count();
            if length > *longest {
                let message = format!("{path} has {length} characters of {longest} allowed");
                return Err(message);
            }
            true
        }
        Kind::Whole(least, most) => is_whole(text, *least, *most),
        Kind::Decimal => is_decimal(text),
        Kind::Bool => matches!(text, "true" | "false" | "1" | "0"),
        Kind::Moment => moment(text).is_some(),
        Kind::Day => moment(text).or_else(|| day(text)).is_some(),
        Kind::OneOf(words) => words.contains(&text),
        Kind::Group(_) | Kind::List(..) | Kind::Unchecked => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "{path}: Input string was not in a correct format: {text:?}"
        ))
    }
}

fn list(node: &Node, path: &str, item: &str, parts: Parts, space: &str) -> Result<(), String> {
    plain(node, path, space)?;
    no_text(node, path)?;
    for (place, child) in node.children.iter().enumerate() {
        if child.name != item {
            return Err(format!("{path}/{} is not in the WSDL", child.name));
        }
        check(child, &format!("{path}/{item}[{place}]"), parts, space)?;
    }
    Ok(())
}

fn is_whole(text: &str, least: i64, most: i64) -> bool {
    !text.starts_with('+')
        && text
            .parse::<i64>()
            .is_ok_and(|number| number >= least && number <= most)
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

/// A time as it is written, and its offset from UTC in seconds if one is written.
pub(super) fn moment(text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
    const SHAPE: &str = "%Y-%m-%dT%H:%M:%S%.f";
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if !stands(text, &marks) {
        return None;
    }
    let read = match NaiveDateTime::parse_from_str(text, SHAPE) {
        Ok(time) => (time, None),
        Err(_) => {
            let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
            (time.naive_local(), Some(time.offset().local_minus_utc()))
        }
    };
    in_sql(read.0.date()).then_some(read)
}

/// The beginning of a day.
pub(super) fn day(text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
    if text.len() != 10 || !stands(text, &[(4, "-"), (7, "-")]) {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    in_sql(date).then(|| (date.into(), None))
}

/// Whether each mark is at its place: chrono would also read numbers with fewer digits.
fn stands(text: &str, marks: &[(usize, &str)]) -> bool {
    marks
        .iter()
        .all(|(at, mark)| text.get(*at..at + 1) == Some(mark))
}

/// SQL Server's datetime begins in 1753; an unset .NET date is a year 1.
fn in_sql(date: NaiveDate) -> bool {
    (1753..=9999).contains(&date.year())
}
