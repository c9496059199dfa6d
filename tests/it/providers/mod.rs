//! What every provider must hold: one suite, run against both styles of VeraCore and against a
//! third provider that exists only here, written from `docs/adding-a-provider.md`.
//!
//! Owns the list of cases and of providers. The suite knows nothing but the trait and the bench; a
//! case that is not in the list does not compile without a warning.

mod bench;
mod flat_file;
mod flow;
mod sample;
mod suite;
mod veracore;

/// Each case as a test of its own, for each provider.
macro_rules! cases {
    ($bench:ty) => {
        cases! { $bench;
            submitting::an_order_is_taken_and_found,
            submitting::a_second_order_of_a_number_is_a_duplicate,
            submitting::of_two_at_once_one_is_a_duplicate,
            submitting::numbers_of_any_characters_stay_apart,
            submitting::what_cannot_be_said_is_not_sent,
            submitting::what_the_warehouse_refuses_is_permanent,
            arriving::prices_and_quantities_are_exact,
            arriving::sixty_lines_arrive_in_their_sequence,
            arriving::two_lines_of_one_sku_stay_two,
            arriving::a_gift_goes_to_one_and_is_paid_by_another,
            arriving::what_is_absent_stays_absent,
            arriving::characters_arrive_as_they_are,
            looking_up::an_unknown_number_is_none,
            looking_up::another_order_is_no_answer,
            looking_up::an_order_is_followed_to_its_shipment,
            looking_up::an_order_that_the_warehouse_cancelled_is_told_so,
            failing::a_lost_answer_is_ambiguous_and_tried_once,
            failing::a_lost_request_is_ambiguous_and_tried_once,
            failing::what_was_turned_away_may_be_tried_again,
            failing::nobody_there_is_never_an_answer,
            failing::what_makes_no_sense_is_never_an_answer,
            failing::no_message_tells_who_bought_or_our_password,
            stock::none_one_and_many_come_once_each,
            stock::what_is_promised_is_not_available,
            stock::a_bad_quantity_is_a_bad_row_and_hides_no_other,
            stock::one_sku_is_asked_for_by_itself,
            stock::a_page_of_somebody_else_is_refused,
            shipments::a_package_is_told_with_what_is_in_it,
            shipments::all_since_a_moment_come_once_each,
            shipments::packages_of_one_order_share_nothing,
            shipments::a_package_taken_back_is_void_or_gone,
            shipments::a_bad_row_hides_no_other,
            shipments::tracking_numbers_may_be_sentences_or_none,
            shipments::times_without_a_zone_are_the_warehouses,
            cancelling::an_order_is_cancelled_where_that_can_be,
            cancelling::what_was_shipped_stays_shipped,
            cancelling::an_order_that_is_not_there_is_not_cancelled,
            cancelling::after_a_lost_answer_the_order_tells,
            cancelling::nobody_there_cancels_nothing,
            news::what_is_no_news_is_refused,
        }
    };
    ($bench:ty; $($room:ident::$case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                super::super::suite::$room::$case::<$bench>().await;
            }
        )+
    };
}

/// The tests, by provider.
mod against {
    mod rest {
        cases!(crate::providers::veracore::AtVeraCore<crate::providers::veracore::Rest>);
    }
    mod oms {
        cases!(crate::providers::veracore::AtVeraCore<crate::providers::veracore::Oms>);
    }
    mod flat_file {
        cases!(crate::providers::flat_file::Depot);
    }
}
