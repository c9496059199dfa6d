use super::*;
use crate::domain::{OrderCode, ShopOrderId};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

/// Accepted an hour before it was found cancelled, at minute 0.
fn cancellation(status: CancelStatus, tries: u32) -> Cancellation {
    Cancellation {
        id: 1,
        order_id: ShopOrderId::parse("1").unwrap(),
        code: OrderCode::parse("T_1").unwrap(),
        veracore_order_id: Some("VC-1".into()),
        status,
        tries,
        acknowledged_at: Some(at(-60)),
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

/// Where it stands after the step, and after how many minutes it is looked at again.
fn noted(step: Step, now: DateTime<Utc>) -> (CancelStatus, Option<i64>) {
    match step {
        Step::Note(step) => (
            step.status,
            step.next.map(|next| (next - now).num_minutes()),
        ),
        Step::Tell => panic!("it is told"),
    }
}

#[test]
fn what_can_still_be_stopped_is_told_and_what_cannot_is_for_a_person() {
    use CancelStatus::{ByHand, Requested, Stopped, TooLate};
    let look = |status, tries, found: Option<&FoundOrder>, can_cancel| {
        after_look(&cancellation(status, tries), found, can_cancel, at(0))
    };
    let waiting = found("In warehouse", None);
    assert_eq!(look(Requested, 0, Some(&waiting), true), Step::Tell);
    assert_eq!(look(Requested, 4, Some(&waiting), true), Step::Tell);
    for (status, tries, told, can_cancel, expected) in [
        (Requested, 5, &waiting, true, (ByHand, Some(30))),
        (Requested, 0, &waiting, false, (ByHand, Some(30))),
        // Once a person is needed, nobody else tells VeraCore.
        (ByHand, 0, &waiting, true, (ByHand, Some(30))),
        (
            Requested,
            0,
            &found("Partly cancelled", None),
            false,
            (ByHand, Some(30)),
        ),
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
            0,
            &found("PartiallyShipped", None),
            false,
            (TooLate, None),
        ),
    ] {
        let step = look(status, tries, Some(told), can_cancel);
        assert_eq!(
            noted(step, at(0)),
            expected,
            "{status:?} {tries} {}",
            told.status
        );
    }
    // The rest of one that was shipped in part may still be stopped.
    let part = found("Partially shipped", Some("1Z"));
    assert_eq!(look(Requested, 0, Some(&part), true), Step::Tell);
}

#[test]
fn an_order_that_is_not_to_be_found_is_stopped_only_when_it_is_not_just_late() {
    let order = cancellation(CancelStatus::Requested, 0);
    let step = after_look(&order, None, true, at(0));
    assert_eq!(noted(step, at(0)), (CancelStatus::Stopped, None));
    let fresh = Cancellation {
        acknowledged_at: Some(at(-9)),
        ..order
    };
    let step = after_look(&fresh, None, true, at(0));
    assert_eq!(noted(step, at(0)), (CancelStatus::Requested, Some(0)));
}

#[test]
fn what_waits_for_a_person_is_looked_at_less_and_less_often() {
    let order = cancellation(CancelStatus::ByHand, 0);
    let told = found("In warehouse", None);
    let pause = |minutes: i64| {
        let step = after_look(&order, Some(&told), false, at(minutes));
        noted(step, at(minutes)).1.unwrap()
    };
    assert_eq!([pause(0), pause(600), pause(1200)], [30, 30, 60]);
    assert_eq!(pause(60 * 24 * 90), 24 * 60);
}

#[test]
fn an_answer_is_believed_only_when_a_look_confirms_it() {
    let refused = CancelAnswer::Refused {
        message: "no".into(),
    };
    let unknown = CancelAnswer::Unknown {
        problem: "?".into(),
    };
    for answer in [CancelAnswer::Done, refused, unknown] {
        let step = after_telling(&answer, at(0));
        assert_eq!(step.status, CancelStatus::Requested, "{answer:?}");
        assert_eq!(step.next, Some(at(0) + CONFIRM));
        assert!(step.counted && step.message.starts_with("VeraCore"));
    }
}
