//! Whatever comes in: no panic, no password kept, no date that .NET would not write.

use proptest::prelude::*;

use super::{
    shape::{day, is_decimal, moment},
    tree::parse,
    without_passwords,
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
    fn no_text_makes_the_reader_panic(text in "\\PC*", pieces in prop::collection::vec(0..16usize, 0..40)) {
        let built: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        for body in [text.clone(), built.clone(), format!("<a>{text}{built}</a>")] {
            let _ = parse(body.as_bytes());
            let _ = without_passwords(&body);
            let _ = (moment(&body), day(&body), is_decimal(&body));
        }
    }

    #[test]
    fn no_password_is_kept(secret in "[a-z]{12}", around in "[ -~]{0,30}") {
        for body in [
            format!("{around}<Password>{secret}</Password>{around}"),
            format!("{around}<x:Password a=\"1\">{secret}</x:Password>"),
            format!("<Password><![CDATA[{secret}]]></Password>"),
            format!("{{\"Password\" : \"{secret}\", \"a\": \"{around}\"}}"),
            format!("<Password>{secret}"),
        ] {
            prop_assert!(!without_passwords(&body).contains(&secret), "{body}");
        }
    }
}

#[test]
fn what_names_no_password_stays_as_it_is() {
    for body in [
        "<Comments>Password: none</Comments>",
        "</Password> text </a>",
        "<Password /><a>b</a>",
        r#"{"Password": 7}"#,
        &"Password".repeat(100_000),
    ] {
        assert_eq!(without_passwords(body), body);
    }
}

#[test]
fn dates_have_all_their_digits() {
    for good in [
        "2025-03-04T03:00:00",
        "2025-03-04T03:00:00.25Z",
        "2025-03-04T03:00:00-08:00",
    ] {
        assert!(moment(good).is_some(), "{good}");
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
        assert!(moment(bad).is_none(), "{bad}");
    }
    assert!(day("2025-03-04").is_some() && day("2025-3-004").is_none());
}
