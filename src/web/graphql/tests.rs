//! What is sent to the API.

use proptest::prelude::*;

use super::*;
use crate::fuzz_tests::{assert_one_line, mutated_text};

proptest! {
    #[test]
    fn bodies_of_any_kind_are_taken_or_refused_in_one_line(text in mutated_text(&[
        r#"{"query": "{ veracoreOrderSyncStats { totalSynced } }", "variables": {"a": [1, null]}}"#,
        r#"{"query": "query A { __typename }", "operationName": "A", "extensions": {}}"#,
        r#"[{"query": "{ __typename }"}]"#,
    ])) {
        if let Err(refusal) = parse_request(text.as_bytes()) {
            assert_one_line(&refusal.message);
            prop_assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        }
    }
}
