//! Text from outside, made safe to keep and to show.

/// A message of another system, fit for one log line or one table cell: control characters and
/// line breaks become single spaces, and at most `max` characters are kept.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut kept = 0;
    let mut blank = true;
    for c in text.chars() {
        let space = c.is_whitespace() || c.is_control();
        if space && blank {
            continue;
        }
        if kept == max {
            out.push('…');
            return out;
        }
        out.push(if space { ' ' } else { c });
        blank = space;
        kept += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text without surrounding space, or nothing when that leaves nothing.
#[must_use]
pub fn non_blank(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_one_bounded_line() {
        assert_eq!(one_line(" a\r\n\tb\u{1b}[31m  c ", 80), "a b [31m c");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(one_line("\n\n", 3), "");
    }
}
