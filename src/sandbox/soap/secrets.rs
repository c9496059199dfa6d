//! Passwords, which this style carries in its bodies, taken out of what is kept of a call.
//!
//! Works on text, since a broken body is kept, too. Must not be used on what is yet to be read.

const NAME: &str = "Password";
const MASK: &str = "***";

/// The same body with `***` for each password, as an element's text or a JSON field.
pub(in crate::sandbox) fn without_passwords(body: &str) -> String {
    let mut kept = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(NAME) {
        let (before, after) = rest.split_at(at + NAME.len());
        kept += before;
        rest = after;
        let secret = if is_start_tag(&kept) {
            element(after)
        } else {
            field(after)
        };
        if let Some((start, end)) = secret {
            kept += &after[..start];
            kept += MASK;
            rest = &after[end..];
        }
    }
    kept + rest
}

/// Whether what was read last is the name of a start tag, with or without a prefix. No prefix is
/// long, and a body that only says the name again and again must not take ages.
fn is_start_tag(before: &str) -> bool {
    before[..before.len() - NAME.len()]
        .chars()
        .rev()
        .take(64)
        .find(|c| !(c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.')))
        == Some('<')
}

/// From behind the start tag to the end tag, or to the end of a body that was cut off.
fn element(after: &str) -> Option<(usize, usize)> {
    let start = after.find('>')? + 1;
    if after[..start].ends_with("/>") {
        return None;
    }
    let end = after[start..]
        .find("</")
        .map_or(after.len(), |at| start + at);
    Some((start, end))
}

/// Between the quotes of the value behind `": "`.
fn field(after: &str) -> Option<(usize, usize)> {
    let value = after.strip_prefix('"')?.trim_start();
    let value = value.strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let start = after.len() - value.len();
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((start, start + at)),
            _ => {}
        }
    }
    Some((start, after.len()))
}
