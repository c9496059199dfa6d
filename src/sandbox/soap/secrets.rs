//! Redacts the passwords in bodies of this style before they are logged.
//!
//! Works on text, because malformed bodies are logged, too.

const NAME: &str = "Password";
const MASK: &str = "***";

/// Replaces each password with `***`, whether an element's text or a JSON field.
pub(in crate::sandbox) fn redact_passwords(body: &str) -> String {
    let mut redacted = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(NAME) {
        let (before, after) = rest.split_at(at + NAME.len());
        redacted += before;
        rest = after;
        let secret = if is_start_tag(&redacted) {
            element(after)
        } else {
            field(after)
        };
        if let Some((start, end)) = secret {
            redacted += &after[..start];
            redacted += MASK;
            rest = &after[end..];
        }
    }
    redacted + rest
}

/// Whether the name at the end of the text belongs to a start tag, with or without a prefix. The
/// length limit keeps a body that repeats the name linear.
fn is_start_tag(before: &str) -> bool {
    before[..before.len() - NAME.len()]
        .chars()
        .rev()
        .take(64)
        .find(|c| !(c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.')))
        == Some('<')
}

/// The range of an element's text; a truncated body ends it.
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

/// The range of a JSON string value after `":`; a truncated body ends it.
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
