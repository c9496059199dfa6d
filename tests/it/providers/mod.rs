//! The provider suite: what every provider guarantees, tested against both VeraCore styles and a
//! third provider that exists only here, built as `docs/adding-a-provider.md` describes.
//!
//! The suite uses only the trait and the bench. A case missing from the list below is an unused
//! function, which the compiler reports.

mod bench;
mod flat_file;
mod flow;
mod sample;
mod suite;
mod veracore;

/// Turns each case into a test of a provider.
macro_rules! cases {
    ($bench:ty) => {
        cases! { $bench;
            submitting::an_order_is_taken_and_found,
            submitting::a_second_order_of_a_number_is_a_duplicate,
            submitting::of_two_concurrent_orders_one_is_a_duplicate,
            submitting::numbers_of_any_characters_stay_apart,
            submitting::an_unsendable_order_is_not_sent,
            submitting::a_refusal_of_the_warehouse_is_permanent,
            arriving::prices_and_quantities_are_exact,
            arriving::sixty_lines_keep_their_sequence,
            arriving::two_lines_of_one_sku_stay_separate,
            arriving::shipping_and_billing_address_can_differ,
            arriving::absent_fields_stay_absent,
            arriving::special_characters_are_kept,
            looking_up::an_unknown_number_is_not_found,
            looking_up::a_response_about_another_order_is_an_error,
            looking_up::an_order_is_followed_to_its_shipment,
            looking_up::an_order_cancelled_by_the_warehouse_is_found_cancelled,
            failing::a_lost_response_is_ambiguous_and_not_retried,
            failing::a_lost_request_is_ambiguous_and_not_retried,
            failing::a_rejected_order_is_transient,
            failing::an_unreachable_warehouse_is_always_an_error,
            failing::a_malformed_response_is_always_an_error,
            failing::no_message_contains_the_customer_or_our_password,
            stock::the_feed_lists_each_sku_once,
            stock::reserved_units_are_not_available,
            stock::an_invalid_quantity_spoils_only_its_row,
            stock::one_sku_can_be_read_alone,
            stock::a_foreign_page_cursor_is_refused,
            shipments::a_package_is_listed_with_its_contents,
            shipments::all_shipments_since_a_time_are_listed_once,
            shipments::packages_of_one_order_do_not_overlap,
            shipments::a_voided_package_is_void_or_gone,
            shipments::an_invalid_row_hides_no_other,
            shipments::tracking_numbers_can_be_any_text_or_absent,
            shipments::times_without_a_zone_are_in_the_warehouses_zone,
            cancelling::an_order_is_cancelled_if_supported,
            cancelling::a_shipped_order_cannot_be_cancelled,
            cancelling::an_unknown_order_cannot_be_cancelled,
            cancelling::after_a_lost_response_the_order_shows_the_outcome,
            cancelling::an_unreachable_warehouse_cancels_nothing,
            webhooks::invalid_webhooks_are_refused,
        }
    };
    ($bench:ty; $($module:ident::$case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                super::super::suite::$module::$case::<$bench>().await;
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
