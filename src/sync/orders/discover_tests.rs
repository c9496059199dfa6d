use super::*;

fn order(id: u32, placed_second: Option<i64>) -> OrderRef {
    OrderRef {
        id: crate::domain::ShopOrderId::parse(id.to_string()).unwrap(),
        code: crate::domain::OrderCode::parse(format!("C{id}")).unwrap(),
        state: crate::domain::OrderState::parse("PaymentSettled").unwrap(),
        created_at: DateTime::from_timestamp(0, 0),
        placed_at: placed_second.and_then(|s| DateTime::from_timestamp(s, 0)),
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1000, 0).unwrap()
}

fn page(total: u64, orders: Vec<OrderRef>) -> OrderPage {
    OrderPage {
        total,
        len: orders.len(),
        orders,
        unreadable: vec![],
        last_created_at: None,
    }
}

#[test]
fn a_change_that_the_newest_page_explains_needs_no_sweep() {
    let mut watch = DiscoveryState::default();
    assert!(
        watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])),
        "nothing was seen yet"
    );
    watch.record_page(&page(1, vec![order(1, Some(10))]), now());
    assert!(!watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])));
    assert!(!watch.has_unexplained_orders(&page(2, vec![order(2, Some(11)), order(1, Some(10))])));
    // Orders that left explain themselves.
    assert!(!watch.has_unexplained_orders(&page(0, vec![])));
}

#[test]
fn an_old_order_that_became_ready_is_swept_for() {
    let mut watch = DiscoveryState::default();
    watch.record_page(&page(60, vec![order(1, Some(10))]), now());
    // The page is the same, but one more order is in a trigger state.
    assert!(watch.has_unexplained_orders(&page(61, vec![order(1, Some(10))])));
    // One more, placed never (Vendure issue 4686).
    assert!(watch.has_unexplained_orders(&page(61, vec![order(2, None), order(1, Some(10))])));
    // Two more, of which the page shows one.
    assert!(watch.has_unexplained_orders(&page(62, vec![order(3, Some(12)), order(1, Some(10))])));
}

#[test]
fn orders_that_left_do_not_lower_the_mark() {
    let mut watch = DiscoveryState::default();
    watch.record_page(
        &page(2, vec![order(2, Some(20)), order(1, Some(10))]),
        now(),
    );
    watch.record_page(&page(1, vec![order(1, Some(10))]), now());
    assert!(watch.has_unexplained_orders(&page(2, vec![order(3, Some(15)), order(1, Some(10))])));
}

#[test]
fn a_walk_moves_by_creation_time_and_by_offset_only_within_one_moment() {
    let mut walk = SweepCursor::new(2);
    let at = |s| DateTime::from_timestamp(s, 0);
    let full = |created, fresh: Vec<OrderRef>| OrderPage {
        last_created_at: created,
        len: 2,
        ..page(9, fresh)
    };
    walk.advance(&full(at(5), vec![order(1, None), order(2, None)]))
        .unwrap();
    assert_eq!(
        walk.position,
        SweepPosition {
            created_from: at(5),
            skip: 0
        }
    );
    walk.advance(&full(at(5), vec![])).unwrap();
    assert_eq!(
        walk.position,
        SweepPosition {
            created_from: at(5),
            skip: 2
        }
    );
    walk.advance(&full(at(7), vec![order(3, None), order(4, None)]))
        .unwrap();
    assert_eq!(
        walk.position,
        SweepPosition {
            created_from: at(7),
            skip: 0
        }
    );
    walk.advance(&page(9, vec![order(5, None)])).unwrap();
    assert!(walk.is_done);
}

#[test]
fn a_list_without_an_end_is_an_error() {
    let mut walk = SweepCursor::new(1);
    let again = OrderPage {
        len: 1,
        ..page(9, vec![])
    };
    let outcome = (0..10).try_for_each(|_| walk.advance(&again));
    assert!(matches!(outcome, Err(DiscoveryError::EndlessList { .. })));
}

#[test]
fn an_order_from_the_future_hides_none_that_follows() {
    let mut watch = DiscoveryState::default();
    watch.record_page(&page(1, vec![order(1, Some(5000))]), now());
    watch.record_page(
        &page(2, vec![order(1, Some(5000)), order(2, Some(10))]),
        now(),
    );
    assert!(
        !watch.has_unexplained_orders(&page(3, vec![order(1, Some(5000)), order(3, Some(11))]))
    );
}

#[test]
fn an_order_from_the_future_explains_no_change_after_it_was_seen() {
    let mut watch = DiscoveryState::default();
    let future = || order(1, Some(5000));
    watch.record_page(&page(1, vec![future()]), now());
    assert!(!watch.has_unexplained_orders(&page(1, vec![future()])));
    assert!(
        watch.has_unexplained_orders(&page(2, vec![future()])),
        "an order without a date came"
    );
    assert!(!watch.has_unexplained_orders(&page(2, vec![future(), order(2, Some(10))])));
}

#[test]
fn the_first_order_of_a_shop_is_explained_by_the_page_that_shows_it() {
    let mut watch = DiscoveryState::default();
    watch.record_page(&page(0, vec![]), now());
    assert!(!watch.has_unexplained_orders(&page(1, vec![order(1, Some(10))])));
    assert!(watch.has_unexplained_orders(&page(2, vec![order(1, Some(10))])));
}

#[test]
fn a_glance_stands_for_a_look_for_a_while() {
    let minute = TimeDelta::minutes(1);
    let mut watch = DiscoveryState::default();
    assert!(!watch.is_quick_check_enough(now()), "nothing was seen yet");
    watch.record_page(
        &page(60, vec![order(2, Some(20)), order(1, Some(10))]),
        now(),
    );
    assert!(watch.is_quick_check_enough(now()));
    assert!(!watch.is_quick_check_enough(now() + minute));
    assert!(
        !watch.is_quick_check_enough(now() - minute),
        "the clock was set back"
    );
    watch.require_full_page();
    assert!(!watch.is_quick_check_enough(now()));
    assert!(!watch.is_quick_check_enough(now() - minute));
}

#[test]
fn a_glance_tells_whether_there_is_anything_to_look_at() {
    let mut watch = DiscoveryState::default();
    watch.record_page(
        &page(60, vec![order(2, Some(20)), order(1, Some(10))]),
        now(),
    );
    assert!(watch.is_unchanged(&page(60, vec![order(2, Some(20))])));
    assert!(
        !watch.is_unchanged(&page(61, vec![order(2, Some(20))])),
        "an old one became ready"
    );
    assert!(
        !watch.is_unchanged(&page(60, vec![order(3, Some(21))])),
        "one came, and one left"
    );
    assert!(!watch.is_unchanged(&page(59, vec![order(2, Some(20))])));
    watch.record_page(&page(0, vec![]), now());
    assert!(watch.is_unchanged(&page(0, vec![])));
    assert!(!watch.is_unchanged(&page(1, vec![order(4, None)])));
}
