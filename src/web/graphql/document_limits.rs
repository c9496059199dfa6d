//! Size limits of a document, checked before it is executed. Pure.
//!
//! Nested fragments can expand a hundred lines into hours of work.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Fragments and operations in one document.
const MAX_DEFINITIONS: usize = 50;

/// Fields after expanding fragments.
const MAX_FIELDS: u64 = 5000;

/// Introspection has a large response.
const INTROSPECTION_COST: u64 = 1000;

pub(super) const MAX_DOCUMENT_BYTES: usize = 32 * 1024;

/// Brackets, braces and parentheses that may be open at once. The introspection query of common
/// clients opens 14; the parser is recursive and overflows its stack at about a thousand.
const OPEN_BRACKETS: usize = 64;

/// Refuses a document that nests too deeply, on its raw text: parsing it would overflow the stack.
///
/// Strings and comments are skipped as the parser skips them. A string without an end is refused,
/// because the parser could read what follows it in another way than this function does.
pub(super) fn check_nesting(document: &str) -> Result<(), String> {
    let mut rest = document;
    let mut open = 0_usize;
    while let Some(at) = rest.find(['"', '#', '(', ')', '[', ']', '{', '}']) {
        let token = rest.as_bytes()[at];
        rest = &rest[at..];
        match token {
            b'"' => {
                rest = after_string(rest).ok_or("The document contains an unterminated string.")?;
                continue;
            }
            b'#' => {
                rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
                continue;
            }
            b'(' | b'[' | b'{' => open += 1,
            _ => open = open.saturating_sub(1),
        }
        if open > OPEN_BRACKETS {
            return Err(format!(
                "The document is nested more than {OPEN_BRACKETS} brackets deep."
            ));
        }
        rest = &rest[1..];
    }
    Ok(())
}

/// The text after the string that `text` begins with; `None` when the string has no end.
fn after_string(text: &str) -> Option<&str> {
    if let Some(mut block) = text.strip_prefix("\"\"\"") {
        loop {
            let end = block.find("\"\"\"")?;
            let is_escaped = block[..end].ends_with('\\');
            block = &block[end + 3..];
            if !is_escaped {
                return Some(block);
            }
        }
    }
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(&text[at + 1..]),
            '\\' => {
                characters.next();
            }
            '\n' | '\r' => return None,
            _ => {}
        }
    }
    None
}

pub(super) fn check(document: &ExecutableDocument) -> Result<(), String> {
    let operations = document.operations.iter().count();
    if document.fragments.len() + operations > MAX_DEFINITIONS {
        return Err(format!(
            "The document has more than {MAX_DEFINITIONS} operations and fragments."
        ));
    }
    let mut known = HashMap::new();
    let fragments = document
        .fragments
        .values()
        .map(|f| &f.node.selection_set.node);
    let all = document
        .operations
        .iter()
        .map(|(_, operation)| &operation.node.selection_set.node)
        .chain(fragments);
    let mut fields = 0_u64;
    for set in all {
        fields = fields.saturating_add(count_fields(set, document, &mut known, 0)?);
        if fields > MAX_FIELDS {
            return Err(format!(
                "The document asks for more than {MAX_FIELDS} fields."
            ));
        }
    }
    Ok(())
}

/// Each fragment is counted once, however often it is spread.
fn count_fields<'a>(
    set: &'a SelectionSet,
    document: &'a ExecutableDocument,
    known: &mut HashMap<&'a str, Option<u64>>,
    depth: usize,
) -> Result<u64, String> {
    if depth > MAX_DEFINITIONS * 2 {
        return Err("The document is nested too deep.".into());
    }
    let mut fields = 0_u64;
    for selection in &set.items {
        let more = match &selection.node {
            Selection::Field(field) => {
                let own = match field.node.name.node.as_str() {
                    "__schema" | "__type" => INTROSPECTION_COST,
                    _ => 1,
                };
                count_fields(&field.node.selection_set.node, document, known, depth + 1)?
                    .saturating_add(own)
            }
            Selection::InlineFragment(inline) => {
                count_fields(&inline.node.selection_set.node, document, known, depth + 1)?
                    .saturating_add(1)
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (known.get(name), document.fragments.get(name)) {
                    (Some(Some(fields)), _) => *fields,
                    (Some(None), _) => {
                        return Err(format!("A fragment spreads itself: {}.", short(name)));
                    }
                    // The validation says what is wrong with it.
                    (None, None) => 1,
                    (None, Some(fragment)) => {
                        known.insert(name, None);
                        let set = &fragment.node.selection_set.node;
                        let fields =
                            count_fields(set, document, known, depth + 1)?.saturating_add(1);
                        known.insert(name, Some(fields));
                        fields
                    }
                }
            }
        };
        fields = fields.saturating_add(more);
        if fields > MAX_FIELDS {
            return Ok(fields);
        }
    }
    Ok(fields)
}

fn short(name: &str) -> String {
    crate::domain::text::one_line(name, 40)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;

    use super::*;

    fn fits(document: &str) -> bool {
        check(&parse_query(document).unwrap()).is_ok()
    }

    #[test]
    fn deep_nesting_is_refused_before_parsing() {
        let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        let forms = [
            |value: &str| format!("{{ a(b: {value}) }}"),
            |value: &str| format!("{{ a @skip(if: {value}) }}"),
            |value: &str| format!("{{ a(b: {{ c: {value} }}) }}"),
            |value: &str| format!("query Q($v: [Int] = {value}) {{ a }}"),
        ];
        for form in forms {
            assert_eq!(check_nesting(&form(&deep(60))), Ok(()));
            assert!(check_nesting(&form(&deep(2000))).is_err());
            assert!(check_nesting(&form(&"[".repeat(2000))).is_err());
        }
        let objects = format!("{{ a(b: {}1{}) }}", "{c:".repeat(2000), "}".repeat(2000));
        assert!(check_nesting(&objects).is_err());
        assert!(check_nesting(&"{a".repeat(2000)).is_err());
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(2000);
        for document in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"\n{many} \\\"\"\" \" {many}\"\"\") }}"),
            format!("{{ a # {many}\n }}"),
        ] {
            assert_eq!(check_nesting(&document), Ok(()), "{document}");
        }
        // Ends of strings and comments, and what looks like one.
        for document in [
            format!("{{ a(b: \"\" c: {many}) }}"),
            format!("{{ a(b: \"\\\\\" c: {many}) }}"),
            format!("{{ a(b: \"\"\"\"\"\" c: {many}) }}"),
            format!("{{ a # \"\r {many} }}"),
            format!("{{ a(b: [\"\"\"[[\" {many}"),
            format!("{{ a(b: \"\n {many} \""),
        ] {
            assert!(check_nesting(&document).is_err(), "{document}");
        }
    }

    #[test]
    fn fragments_are_counted_where_they_are_spread() {
        let doubling = |n: usize| {
            let mut text = String::from("{ ...F0 }");
            for at in 0..n {
                let next = at + 1;
                write!(text, " fragment F{at} on Query {{ ...F{next} ...F{next} }}").unwrap();
            }
            write!(text, " fragment F{n} on Query {{ __typename }}").unwrap();
            text
        };
        assert!(fits(&doubling(3)));
        assert!(!fits(&doubling(14)));
        assert!(!fits(&doubling(28)));
        let chain: String = (0..60)
            .map(|n| format!(" fragment A{n} on Query {{ __typename }}"))
            .collect();
        assert!(!fits(&format!("{{ __typename }}{chain}")));
        assert!(!fits(
            "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"
        ));
        assert!(!fits(&format!("{{ {} }}", "__typename ".repeat(5001))));
        assert!(!fits(&format!(
            "{{ {} }}",
            "__schema { types { name } } ".repeat(6)
        )));
        assert!(fits("{ __schema { types { name } } ...missing }"));
    }
}
