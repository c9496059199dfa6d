//! Hostile input for the tests of everything that reads what others wrote: valid documents, changed
//! a little, and what no document is like. `PROPTEST_CASES` makes more of it.

use proptest::{collection::vec, prelude::*, sample::Index};

/// What a message may be at most, whatever is wrong.
const MAX_MESSAGE_CHARS: usize = 700;

/// Values that a reader may stumble over.
const ODD_VALUES: &[&str] = &[
    "1e999",
    "-1e999",
    "1e-999",
    "1E+99999999999999999999",
    "-0",
    "-0.0e-0",
    "-1",
    "01",
    "1.",
    "1.0000000000000000001",
    "2147483648",
    "99999999999999999999999999999999999999999999",
    "NaN",
    "null",
    "true",
    "{}",
    "[]",
    "[[[[]]]]",
    "\"\"",
    "\"   \"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"a\\r\\nb\\u001b[31m\\u0085\\u2028\"",
    "\"0001-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:60-23:59\"",
    "\"+262142-12-31T23:59:59\"",
    "\"-262143-01-01\"",
    "\"2026-03-08T02:30:00\"",
    "\"0000-00-00\"",
    "\"1e999\"",
    "\"https://\"",
    "\"//[::1\"",
    "\"../../..\"",
    "\"%00%2e%2e\"",
    "\"\u{202e}\u{feff}\u{10ffff}\"",
    "\"",
    "\\",
    ",",
    "\u{0}",
    "}]}",
];

/// One change of a document.
#[derive(Debug, Clone)]
enum DocumentChange {
    FlipBits(Index, u8),
    Delete(Index, usize),
    Duplicate(Index, usize),
    Truncate(Index),
    Insert(Index, usize),
    /// Puts something odd, or very long or deep, in a value's place.
    Replace(Index, usize),
}

impl DocumentChange {
    fn apply_to(self, mut document: Vec<u8>) -> Vec<u8> {
        if document.is_empty() {
            return document;
        }
        let len = document.len();
        match self {
            Self::FlipBits(at, bits) => {
                let at = at.index(len);
                document[at] ^= bits;
            }
            Self::Delete(at, size) => {
                let at = at.index(len);
                document.drain(at..len.min(at + size));
            }
            Self::Duplicate(at, size) => {
                let at = at.index(len);
                let end = len.min(at + size);
                let part = document[at..end].to_vec();
                document.splice(end..end, part);
            }
            Self::Truncate(at) => document.truncate(at.index(len)),
            Self::Insert(at, odd) => {
                let at = at.index(len);
                document.splice(at..at, odd_value(odd));
            }
            Self::Replace(at, odd) => {
                let values: Vec<usize> = (0..len)
                    .filter(|at| b":[,".contains(&document[*at]))
                    .map(|at| at + 1)
                    .collect();
                if !values.is_empty() {
                    let from = values[at.index(values.len())];
                    let rest = &document[from..];
                    let size = rest.iter().position(|b| b",]}".contains(b));
                    let to = from + size.unwrap_or(rest.len());
                    document.splice(from..to, odd_value(odd));
                }
            }
        }
        document
    }
}

fn odd_value(which: usize) -> Vec<u8> {
    match which.checked_sub(ODD_VALUES.len()) {
        None => ODD_VALUES[which].into(),
        Some(0) => format!("\"{}\"", "long ".repeat(400)).into(),
        Some(1) => format!("\"{}\"", "\\n\\u0007".repeat(200)).into(),
        Some(2) => "9".repeat(2000).into(),
        Some(3) => "[".repeat(1000).into(),
        Some(_) => format!("{}{}", "[".repeat(300), "]".repeat(300)).into(),
    }
}

fn document_change() -> impl Strategy<Value = DocumentChange> {
    let at = any::<Index>;
    let odd = || 0..ODD_VALUES.len() + 5;
    prop_oneof![
        1 => (at(), 1_u8..).prop_map(|(at, bits)| DocumentChange::FlipBits(at, bits)),
        1 => (at(), 1_usize..40).prop_map(|(at, size)| DocumentChange::Delete(at, size)),
        1 => (at(), 1_usize..80).prop_map(|(at, size)| DocumentChange::Duplicate(at, size)),
        1 => at().prop_map(DocumentChange::Truncate),
        1 => (at(), odd()).prop_map(|(at, odd)| DocumentChange::Insert(at, odd)),
        5 => (at(), odd()).prop_map(|(at, odd)| DocumentChange::Replace(at, odd)),
    ]
}

/// One of these documents with some changes, and now and then bytes of any kind.
pub(crate) fn mutated(documents: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        prop::sample::select(documents),
        vec(document_change(), 0..4),
    )
        .prop_map(|(document, changes)| {
            let start = document.as_bytes().to_vec();
            changes
                .into_iter()
                .fold(start, |document, change| change.apply_to(document))
        });
    prop_oneof![
        9 => changed,
        1 => vec(any::<u8>(), 0..300),
    ]
}

/// The same as text.
pub(crate) fn mutated_text(documents: &'static [&'static str]) -> impl Strategy<Value = String> {
    mutated(documents).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Documents that are nothing but deep, or nothing but long.
pub(crate) fn oversized_documents() -> Vec<String> {
    let deep = 100_000;
    vec![
        "[".repeat(deep),
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        "{\"a\":".repeat(deep),
        format!("{}1{}", "{\"Items\":".repeat(deep), "}".repeat(deep)),
        format!("{{\"Items\":{}{}}}", "[".repeat(deep), "]".repeat(deep)),
        format!("{{\"data\":{}{}}}", "[".repeat(deep), "]".repeat(deep)),
        format!("[{}null]", "null,".repeat(deep)),
        format!("{{\"SKU\":{}}}", "9".repeat(deep)),
        format!("{{\"message\":\"{}\"}}", "\\u0000".repeat(deep / 10)),
        "\u{feff}".repeat(deep / 10),
        "<".repeat(deep),
        "<title>".repeat(deep / 10),
    ]
}

/// A message is one bounded line, safe to show.
pub(crate) fn assert_one_line(message: &str) {
    let chars = message.chars().count();
    assert!(chars <= MAX_MESSAGE_CHARS, "{chars} characters: {message}");
    assert!(
        !message.chars().any(char::is_control),
        "control characters: {message:?}"
    );
}

#[test]
fn changes_leave_some_documents_valid_and_break_others() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = mutated(&[r#"{"a":[1,"x"],"b":{"c":null}}"#]);
    let mut valid = 0;
    for _ in 0..200 {
        let document = strategy.new_tree(&mut runner).unwrap().current();
        valid += usize::from(serde_json::from_slice::<serde_json::Value>(&document).is_ok());
    }
    assert!((20..180).contains(&valid), "{valid} of 200 are valid");
}
