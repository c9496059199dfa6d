//! The warehouse's webhooks.

use veracore_sync::domain::NoticeKind;

use crate::providers::bench::Bench;

pub async fn invalid_webhooks_are_refused<B: Bench>() {
    let bench = B::open().await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"\xff\xfe",
        b"{\"a\": 77}",
    ];
    for kind in NoticeKind::ALL {
        for body in bodies {
            let parsed = bench.provider().parse_webhook(kind, body);
            let problem = parsed.unwrap_err().to_string();
            // The message does not quote the body, which may contain anything.
            assert!(!problem.is_empty() && problem.len() < 500, "{problem}");
            assert!(!problem.contains("77"), "{problem}");
        }
    }
}
