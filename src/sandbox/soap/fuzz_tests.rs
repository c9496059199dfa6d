//! Any input: no panic, no password in the log, and only dates that .NET accepts.

use proptest::prelude::*;

use super::{
    redact_passwords,
    shape::{date, date_time, is_decimal},
    tree::parse,
};

const PIECES: [&str; 16] = [
    "<a>",
    "</a>",
    "<p:a xmlns:p=\"u\">",
    "</p:a>",
    "<",
    ">",
    "&amp;",
    "&x;",
    "&#9;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml version=\"1.0\"?>",
    "\u{e9}",
    " b='c'",
];

proptest! {
    #[test]
    fn parsing_any_text_does_not_panic(text in "\\PC*", pieces in prop::collection::vec(0..16usize, 0..40)) {
        let built: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        for body in [text.clone(), built.clone(), format!("<a>{text}{built}</a>")] {
            let _ = parse(body.as_bytes());
            let _ = redact_passwords(&body);
            let _ = (date_time(&body), date(&body), is_decimal(&body));
        }
    }

    #[test]
    fn passwords_are_redacted(secret in "[a-z]{12}", around in "[ -~]{0,30}") {
        for body in [
            format!("{around}<Password>{secret}</Password>{around}"),
            format!("{around}<x:Password a=\"1\">{secret}</x:Password>"),
            format!("<Password><![CDATA[{secret}]]></Password>"),
            format!("{{\"Password\" : \"{secret}\", \"a\": \"{around}\"}}"),
            format!("<Password>{secret}"),
        ] {
            prop_assert!(!redact_passwords(&body).contains(&secret), "{body}");
        }
    }
}

#[test]
fn bodies_without_a_password_are_unchanged() {
    for body in [
        "<Comments>Password: none</Comments>",
        "</Password> text </a>",
        "<Password /><a>b</a>",
        r#"{"Password": 7}"#,
        &"Password".repeat(100_000),
    ] {
        assert_eq!(redact_passwords(body), body);
    }
}

#[test]
fn dates_need_all_their_digits() {
    for good in [
        "2025-03-04T03:00:00",
        "2025-03-04T03:00:00.25Z",
        "2025-03-04T03:00:00-08:00",
    ] {
        assert!(date_time(good).is_some(), "{good}");
    }
    for bad in [
        "2025-03-04",
        "2025-3-04T03:00:00",
        "2025-03-04 03:00:00",
        "2025-03-04T3:00:00",
        "2025-03-04T24:00:01",
        "2025-02-30T00:00:00",
        "0001-01-01T00:00:00",
        "+2025-3-4T03:00:00",
    ] {
        assert!(date_time(bad).is_none(), "{bad}");
    }
    assert!(date("2025-03-04").is_some() && date("2025-3-004").is_none());
}
