use super::*;
use crate::{
    domain::{OrderCode, ShopOrderId},
    http::{CallError, CallErrorKind, OpenReason},
};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

/// Found cancelled at minute 0.
fn cancellation(status: CancelStatus, tries: u32) -> Cancellation {
    Cancellation {
        id: 1,
        order_id: ShopOrderId::parse("1").unwrap(),
        code: OrderCode::parse("T_1").unwrap(),
        veracore_order_id: Some("VC-1".into()),
        status,
        tries,
        missing_since: None,
        found_at: at(0),
    }
}

fn found(status: &str, tracking: Option<&str>) -> FoundOrder {
    FoundOrder {
        number: OrderCode::parse("T_1").unwrap(),
        provider_order_id: None,
        status: status.into(),
        tracking_number: tracking.map(str::to_owned),
        carrier: None,
        shipped_at: None,
    }
}

/// The status after the step, and the minutes until the next check.
fn recorded(step: CancelAction, now: DateTime<Utc>) -> (CancelStatus, Option<i64>) {
    match step {
        CancelAction::Record(step) => (
            step.status,
            step.next_check_at.map(|next| (next - now).num_minutes()),
        ),
        CancelAction::Request => panic!("a request was planned"),
    }
}

#[test]
fn an_order_that_can_be_stopped_is_requested_and_others_need_attention() {
    use CancelStatus::{ByHand, Requested, Stopped, TooLate};
    let look = |status, tries, found: Option<&FoundOrder>, can_cancel| {
        after_lookup(&cancellation(status, tries), found, can_cancel, at(0))
    };
    let waiting = found("In warehouse", None);
    let partly_cancelled = found("Partly cancelled", None);
    for (status, tries) in [(Requested, 0), (Requested, 4), (ByHand, 1)] {
        assert_eq!(
            look(status, tries, Some(&waiting), true),
            CancelAction::Request
        );
    }
    for (status, tries, order, can_cancel, expected) in [
        (Requested, 5, &waiting, true, (ByHand, Some(30))),
        (Requested, 0, &waiting, false, (ByHand, Some(30))),
        (ByHand, 5, &waiting, true, (ByHand, Some(30))),
        (Requested, 0, &partly_cancelled, false, (ByHand, Some(30))),
        (
            Requested,
            1,
            &found("Cancelled", None),
            true,
            (Stopped, None),
        ),
        (
            ByHand,
            0,
            &found("cancelled by staff", None),
            false,
            (Stopped, None),
        ),
        (Requested, 0, &found("VOID", None), true, (Stopped, None)),
        // Not yet, and perhaps never.
        (
            Requested,
            1,
            &found("Cancel requested", None),
            true,
            (Requested, Some(0)),
        ),
        (
            Requested,
            0,
            &found("Shipped", Some("1Z")),
            true,
            (TooLate, None),
        ),
        (ByHand, 0, &found("Complete", None), false, (TooLate, None)),
        (
            Requested,
            1,
            &found("Partially shipped", Some("1Z")),
            true,
            (TooLate, None),
        ),
        (
            Requested,
            1,
            &found("Shipped, the rest cancelled", None),
            true,
            (TooLate, None),
        ),
        (
            Requested,
            0,
            &found("PartiallyShipped", None),
            false,
            (TooLate, None),
        ),
    ] {
        let step = look(status, tries, Some(order), can_cancel);
        assert_eq!(
            recorded(step, at(0)),
            expected,
            "{status:?} {tries} {}",
            order.status
        );
    }
}

#[test]
fn the_rest_of_a_partly_shipped_order_may_still_be_stopped() {
    let part = found("Partially shipped", Some("1Z"));
    let order = cancellation(CancelStatus::Requested, 0);
    assert_eq!(
        after_lookup(&order, Some(&part), true, at(0)),
        CancelAction::Request
    );
}

#[test]
fn an_order_counts_as_gone_only_when_it_is_missing_twice() {
    // Not before a request, if VeraCore can cancel.
    let unrequested = cancellation(CancelStatus::Requested, 0);
    assert_eq!(
        after_lookup(&unrequested, None, true, at(0)),
        CancelAction::Request
    );
    let mut order = cancellation(CancelStatus::Requested, 1);
    let look = |order: &Cancellation, minute| after_lookup(order, None, true, at(minute));
    let CancelAction::Record(first) = look(&order, 0) else {
        panic!("a request was planned");
    };
    assert_eq!(first.status, CancelStatus::Requested);
    assert_eq!(
        (first.next_check_at, first.missing_since),
        (Some(at(10)), Some(at(0)))
    );
    order.missing_since = first.missing_since;
    let early = recorded(look(&order, 9), at(9));
    assert_eq!(early, (CancelStatus::Requested, Some(10)));
    let late = recorded(look(&order, 10), at(10));
    assert_eq!(late, (CancelStatus::Stopped, None));
    // The clock jumps a day ahead before the first look: that look counts once all the same.
    order.missing_since = None;
    assert_eq!(
        recorded(look(&order, 1440), at(1440)),
        (CancelStatus::Requested, Some(10))
    );
    // And back behind it: the count starts again.
    order.missing_since = Some(at(1440));
    let CancelAction::Record(back) = look(&order, 5) else {
        panic!("a request was planned");
    };
    assert_eq!(back.missing_since, Some(at(5)));
}

#[test]
fn an_order_that_needs_attention_is_checked_less_and_less_often() {
    let order = cancellation(CancelStatus::ByHand, 0);
    let waiting = found("In warehouse", None);
    let pause = |minutes: i64| {
        let step = after_lookup(&order, Some(&waiting), false, at(minutes));
        recorded(step, at(minutes)).1.unwrap()
    };
    assert_eq!([pause(0), pause(600), pause(1200)], [30, 30, 60]);
    assert_eq!(pause(60 * 24 * 90), 24 * 60);
}

#[test]
fn an_answer_is_believed_only_when_a_look_confirms_it() {
    let order = cancellation(CancelStatus::Requested, 0);
    let refused = CancelResponse::Refused {
        message: "no".into(),
    };
    let unknown = CancelResponse::Ambiguous {
        problem: "?".into(),
    };
    for answer in [CancelResponse::Accepted, refused, unknown] {
        let step = after_request(&order, &answer, at(0));
        assert_eq!(step.status, CancelStatus::Requested, "{answer:?}");
        assert_eq!(step.next_check_at, Some(at(0) + CONFIRM_DELAY));
        assert!(step.counted && step.message.starts_with("VeraCore"));
    }
}

fn status(status: u16) -> ProviderError {
    CallError::new(
        "VeraCore",
        "cancel_order",
        CallErrorKind::Status {
            status,
            message: "no".into(),
            retry_after: None,
        },
    )
    .into()
}

#[test]
fn a_request_that_keeps_failing_needs_attention_unless_the_failure_is_temporary() {
    let order = cancellation(CancelStatus::Requested, 0);
    let forbidden = ProviderError::Forbidden {
        upstream: "VeraCore",
        operation: "CancelOrder",
        message: "no permission".into(),
    };
    for error in [forbidden, status(404)] {
        let step = after_request_error(&order, &error, at(0));
        assert_eq!(step.status, CancelStatus::ByHand, "{error}");
        assert!(
            step.message.contains("orders retry T_1"),
            "{}",
            step.message
        );
    }
    let step = after_request_error(&order, &status(429), at(0));
    assert_eq!(
        (step.status, step.next_check_at),
        (CancelStatus::Requested, Some(at(1)))
    );
    let often = cancellation(CancelStatus::Requested, 4);
    assert_eq!(
        after_request_error(&often, &status(503), at(0)).status,
        CancelStatus::ByHand
    );
}

#[test]
fn an_order_that_cannot_be_looked_up_needs_attention_in_the_end() {
    let order = cancellation(CancelStatus::Requested, 0);
    let step = after_lookup_error(&order, &status(500), at(0));
    assert_eq!(
        (step.status, step.next_check_at),
        (CancelStatus::Requested, Some(at(1)))
    );
    assert!(!step.counted);
    let step = after_lookup_error(&order, &status(500), at(29));
    assert_eq!(step.status, CancelStatus::Requested);
    let step = after_lookup_error(&order, &status(500), at(30));
    assert_eq!(step.status, CancelStatus::ByHand);
    // No call was made, so nothing is known.
    let parked: ProviderError = CallError::new(
        "VeraCore",
        "find_order",
        CallErrorKind::CircuitOpen {
            reason: OpenReason::Down,
            retry_in: std::time::Duration::from_secs(90),
            problem: "down".into(),
        },
    )
    .into();
    let step = after_lookup_error(&order, &parked, at(600));
    assert_eq!(step.status, CancelStatus::Requested);
}
