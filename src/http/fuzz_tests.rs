//! JSON and `Retry-After` from anybody.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{parse_json, retry_after};
use crate::fuzz_tests::{assert_one_line, mutated, mutated_text, oversized_documents};

/// Of everything something.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read for their types alone")]
struct Row<'a> {
    id: String,
    size: u32,
    #[serde(borrow)]
    raw: &'a RawValue,
    names: BTreeMap<String, i64>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Large,
    Small,
}

const ROWS: &[&str] = &[
    r#"[{"id":"1","size":7,"raw":{"a":[1]},"names":{"a":1},"kind":"Large"}]"#,
    r#"[{"id":"1","size":"12 Elm St","raw":null,"names":{},"kind":"Small"},{}]"#,
    r#"[{"id":"12 Elm St","size":7,"raw":1,"names":{"a":"12 Elm St"},"kind":"12 Elm St"}]"#,
    r#"[{"kind":"12 Elm St"}]"#,
];

fn read(body: &[u8]) {
    for outcome in [
        parse_json::<Vec<Row<'_>>>(body).map(|rows| assert!(rows.len() <= body.len())),
        parse_json::<Value>(body).map(drop),
        parse_json::<Box<RawValue>>(body).map(|raw| assert!(raw.get().len() <= body.len())),
    ] {
        let problem = outcome.err().unwrap_or_default();
        assert_one_line(&problem);
        assert!(!problem.contains("12 Elm St"), "{problem}");
    }
}

proptest! {
    #[test]
    fn json_of_any_kind_is_read_or_told_in_one_line(body in mutated(ROWS)) {
        read(&body);
    }

    #[test]
    fn a_pause_is_never_longer_than_a_day(
        value in mutated_text(&[
            "120",
            "Sat, 21 Nov 2026 10:01:30 GMT",
            "Sat, 21 Nov 2026 10:01:30 +9959",
            "Fri, 31 Dec 9999 23:59:60 -1200",
            "99999999999999999999999999",
        ]),
        now in -8_000_000_000_000_i64..8_000_000_000_000,
    ) {
        let now = chrono::DateTime::from_timestamp(now, 0).unwrap();
        if let Some(pause) = retry_after::parse(&value, now) {
            prop_assert!(pause <= Duration::from_secs(24 * 3600));
        }
    }
}

#[test]
fn monsters_are_survived() {
    for monster in oversized_documents() {
        read(monster.as_bytes());
        let _ = retry_after::parse(&monster, chrono::DateTime::UNIX_EPOCH);
    }
}
