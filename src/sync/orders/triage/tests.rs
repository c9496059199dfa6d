use super::*;
use crate::http::Backoff;
use chrono::TimeDelta;

fn settings() -> OrderSettings {
    OrderSettings {
        trigger_states: vec![],
        existing_orders: crate::domain::ExistingOrdersPolicy::Skip,
        mapping_rules: crate::sync::orders::mapping::MappingRules {
            unit_price: crate::domain::PriceBasis::Gross,
            shipping_methods: None,
            skus: crate::domain::SkuRules::default(),
            shipping_method_map: std::collections::BTreeMap::new(),
        },
        send_delay: Duration::ZERO,
        max_attempts: 3,
        cancel_in_shop: false,
        backoff: Backoff {
            initial: Duration::from_secs(10),
            max: Duration::from_secs(100),
        },
        quiet_period: Duration::from_secs(60),
        lease_ttl: Duration::from_secs(60),
        concurrency: 1,
        sweep_page_size: 10,
        newest_page_size: 5,
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn order(retry_count: u32) -> ClaimedOrder {
    ClaimedOrder::for_tests("1", "ABC", retry_count)
}

fn status(status: u16, retry_after: Option<u64>) -> ProviderError {
    ProviderError::Call(CallError::new(
        "VeraCore",
        "submit_order",
        CallErrorKind::Status {
            status,
            message: "because".into(),
            retry_after: retry_after.map(Duration::from_secs),
        },
    ))
}

fn sent(error: &ProviderError, retry_count: u32) -> OrderDisposition {
    failed(&order(retry_count), &settings()).after_send(error, &error.to_string(), false)
}

fn failed<'a>(order: &'a ClaimedOrder, settings: &'a OrderSettings) -> FailedAttempt<'a> {
    FailedAttempt {
        order,
        settings,
        now: now(),
    }
}

#[test]
fn a_refusal_needs_a_person_and_says_what_to_do() {
    let OrderDisposition::Failed { failure: note } = sent(&status(422, None), 0) else {
        panic!("not failed")
    };
    insta::assert_snapshot!(note.message, @"VeraCore refused the order: VeraCore submit_order: HTTP 422: because. Correct it, then run `veracore-sync orders retry ABC`");
    assert_eq!(note.category, ErrorCategory::Validation);
}

#[test]
fn an_unknown_outcome_is_looked_into_after_the_quiet_period() {
    for error in [
        status(500, None),
        ProviderError::Call(CallError::new(
            "VeraCore",
            "submit_order",
            CallErrorKind::Timeout {
                limit: Duration::from_secs(1),
                sent: RequestSent::Maybe,
            },
        )),
    ] {
        let OrderDisposition::InDoubt {
            at,
            counted,
            missing_at,
            ..
        } = sent(&error, 2)
        else {
            panic!("{error}: not in doubt")
        };
        assert_eq!(
            (at, counted, missing_at),
            (now() + TimeDelta::seconds(60), true, None)
        );
    }
    // Asked to wait for longer, it is.
    let OrderDisposition::InDoubt { at, .. } = sent(&status(503, Some(90)), 0) else {
        panic!("not in doubt")
    };
    assert_eq!(at, now() + TimeDelta::seconds(90));
}

#[test]
fn what_would_strike_any_order_uses_up_no_tries() {
    let down = ProviderError::Call(CallError::new(
        "VeraCore",
        "submit_order",
        CallErrorKind::Connect {
            detail: "refused".into(),
        },
    ));
    let no_token = ProviderError::NoToken(CallError::new(
        "VeraCore",
        "get_token",
        CallErrorKind::Status {
            status: 500,
            message: String::new(),
            retry_after: None,
        },
    ));
    let credentials = ProviderError::CredentialsRefused {
        message: "no".into(),
    };
    for error in [down, no_token, credentials]
        .into_iter()
        .chain([401, 403, 404, 405, 415].map(|code| status(code, None)))
    {
        let next = sent(&error, 99);
        assert!(
            matches!(next, OrderDisposition::Retry { counted: false, .. }),
            "{error}: {next:?}"
        );
    }
}

#[test]
fn a_gateway_without_its_server_uses_up_no_tries_either() {
    for code in [502, 503, 504] {
        let next = sent(&status(code, None), 99);
        assert!(
            matches!(next, OrderDisposition::InDoubt { counted: false, .. }),
            "{code}: {next:?}"
        );
        let look_up = failed(&order(99), &settings()).after_lookup(&status(code, None), "x");
        assert!(
            matches!(look_up, OrderDisposition::Retry { counted: false, .. }),
            "{code}: {look_up:?}"
        );
        let error = match status(code, None) {
            ProviderError::Call(error) => StorefrontError::Call(error),
            other => panic!("{other}"),
        };
        let read = failed(&order(99), &settings()).after_read(&error, "x");
        assert!(
            matches!(read, OrderDisposition::Retry { counted: false, .. }),
            "{code}: {read:?}"
        );
    }
}

#[test]
fn retry_after_is_honoured_when_it_is_longer() {
    let OrderDisposition::Retry {
        at, counted: false, ..
    } = sent(&status(429, Some(90)), 0)
    else {
        panic!("no retry")
    };
    assert_eq!(at, now() + TimeDelta::seconds(90));
    let OrderDisposition::Retry { at, .. } = sent(&status(429, Some(86_400)), 0) else {
        panic!("no retry")
    };
    assert_eq!(at, now() + TimeDelta::hours(1), "a day is a mistake");
    let OrderDisposition::Retry { at, .. } = sent(&status(429, Some(0)), 0) else {
        panic!("no retry")
    };
    assert!(at > now());
}

#[test]
fn the_order_that_the_shop_cannot_give_ends_with_a_person() {
    let broken = StorefrontError::Graphql {
        operation: "order",
        code: "INTERNAL_SERVER_ERROR".into(),
        message: "x".into(),
    };
    let after = |count| failed(&order(count), &settings()).after_read(&broken, "x");
    assert!(matches!(
        after(0),
        OrderDisposition::Retry { counted: true, .. }
    ));
    assert!(matches!(
        after(1),
        OrderDisposition::Retry { counted: true, .. }
    ));
    let OrderDisposition::Failed { failure: note } = after(2) else {
        panic!("not given up")
    };
    assert!(
        note.message.contains("after 3 attempts"),
        "{}",
        note.message
    );
}

#[test]
fn a_doubt_is_never_given_up_while_nobody_can_tell() {
    let doubtful = ClaimedOrder {
        sent_at: Some(now()),
        ..order(99)
    };
    let next = failed(&doubtful, &settings()).after_lookup(&status(500, None), "x");
    assert!(
        matches!(next, OrderDisposition::StillInDoubt { .. }),
        "{next:?}"
    );
}

#[test]
fn a_look_ups_failure_is_told_without_veracores_words() {
    assert_eq!(
        status(500, None).redacted_message(),
        "VeraCore submit_order: HTTP 500"
    );
}

/// VeraCore answers every question and takes no order: that is not the orders' fault.
#[test]
fn what_strikes_the_sends_of_many_orders_counts_for_none() {
    let error = ProviderError::Call(CallError::new(
        "VeraCore",
        "submit_order",
        CallErrorKind::Status {
            status: 500,
            message: String::new(),
            retry_after: None,
        },
    ));
    let next = |widespread| {
        let order = order(9);
        failed(&order, &settings()).after_send(&error, "HTTP 500", widespread)
    };
    assert!(matches!(
        next(false),
        OrderDisposition::InDoubt { counted: true, .. }
    ));
    assert!(matches!(
        next(true),
        OrderDisposition::InDoubt { counted: false, .. }
    ));
}
