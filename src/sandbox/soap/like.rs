//! SQL Server's LIKE operator: `%`, `_` and `[sets]`.

/// A part of a pattern.
enum Part<'a> {
    Any,
    One,
    /// `[abc]`, `[a-c]`, `[^abc]`; an empty set matches nothing.
    Set {
        of: &'a [char],
        not: bool,
    },
    Literal(char),
}

impl Part<'_> {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(literal) => *literal == c,
            Self::Set { of, not } => {
                let mut of = *of;
                let mut found = false;
                while let Some((first, rest)) = of.split_first() {
                    (found, of) = match rest {
                        ['-', last, rest @ ..] => (found || (*first..=*last).contains(&c), rest),
                        _ => (found || *first == c, rest),
                    };
                }
                found != *not
            }
        }
    }
}

fn parts(mut pattern: &[char]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((first, rest)) = pattern.split_first() {
        let end = rest.iter().position(|c| *c == ']');
        let (part, rest) = match (first, end) {
            ('%', _) => (Part::Any, rest),
            ('_', _) => (Part::One, rest),
            ('[', Some(end)) => {
                let (of, rest) = (&rest[..end], &rest[end + 1..]);
                match of.strip_prefix(&['^']) {
                    Some(of) => (Part::Set { of, not: true }, rest),
                    None => (Part::Set { of, not: false }, rest),
                }
            }
            (c, _) => (Part::Literal(*c), rest),
        };
        parts.push(part);
        pattern = rest;
    }
    parts
}

pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // ends[i]: whether the parts so far match the first i characters.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for part in parts(&pattern) {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match part {
                Part::Any => ends[at] || at > 0 && next[at - 1],
                _ => at > 0 && ends[at - 1] && part.matches(text[at - 1]),
            };
        }
        ends = next;
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql_server() {
        for (text, pattern) in [
            ("", ""),
            ("", "%%"),
            ("mug-1", "mug-1"),
            ("mug-1", "%g%1"),
            ("mug-1", "m_g__"),
            ("aab", "%ab"),
            ("[ab]", "_ab]"),
            ("[ab]", "[[]ab]"),
            ("b", "[ab]"),
            ("d", "[^a-c]"),
            ("a[", "a["),
            ("é日", "__"),
        ] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("mug-1", "mug"),
            ("mug-1", "ug-1"),
            ("", "_"),
            ("[ab]", "[ab]"),
            ("b", "[^a-c]"),
            ("b", "[]"),
            ("50x", "50%y"),
        ] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }
}
