//! Cancelling: accepted, refused or unknown; a lookup shows which.

use chrono::TimeDelta;
use veracore_sync::{
    domain::FailureClass,
    fulfillment::{CancelResponse, ProviderError},
};

use super::{found, submitted};
use crate::providers::{
    bench::{Bench, Failure, Parcel, for_each_form},
    sample::{code, order},
};

type Answer = Result<CancelResponse, ProviderError>;

/// A provider without cancellation returns an error and sends nothing.
fn assert_cannot(answer: &Answer) {
    let Err(error @ ProviderError::NotSendable { .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(error.class(), FailureClass::Permanent);
}

async fn cancel<B: Bench>(bench: &B, number: &str) -> Answer {
    bench.provider().cancel_order(&code(number)).await
}

pub async fn an_order_is_cancelled_if_supported<B: Bench>() {
    let bench = B::open().await;
    assert_eq!(
        bench.provider().supports_cancellation(),
        B::CAPABILITIES.cancels
    );
    submitted(&bench, &order("a/b &é")).await;
    submitted(&bench, &order("A-2")).await;
    let answer = cancel(&bench, "a/b &é").await;
    if B::CAPABILITIES.cancels {
        assert_eq!(answer, Ok(CancelResponse::Accepted));
    } else {
        assert_cannot(&answer);
    }
    let provider = bench.provider();
    assert_eq!(
        found(provider, "a/b &é").await.is_cancelled(),
        B::CAPABILITIES.cancels
    );
    assert!(!found(provider, "A-2").await.is_cancelled());
    // A second call changes nothing.
    let again = cancel(&bench, "a/b &é").await;
    assert_eq!(again.is_ok(), B::CAPABILITIES.cancels, "{again:?}");
    assert_eq!(
        found(provider, "a/b &é").await.is_cancelled(),
        B::CAPABILITIES.cancels
    );
}

fn assert_refused(answer: &Answer) {
    let Ok(CancelResponse::Refused { message }) = answer else {
        panic!("{answer:?}");
    };
    assert!(!message.trim().is_empty());
}

pub async fn a_shipped_order_cannot_be_cancelled<B: Bench>() {
    let bench = B::open().await;
    submitted(&bench, &order("A-1")).await;
    bench.ship(
        "A-1",
        &[Parcel {
            tracking: "1Z 1",
            items: &[("MUG-1", 2)],
        }],
    );
    bench.clock().advance(TimeDelta::hours(1));
    let answer = cancel(&bench, "A-1").await;
    if B::CAPABILITIES.cancels {
        assert_refused(&answer);
    } else {
        assert_cannot(&answer);
    }
    let found = found(bench.provider(), "A-1").await;
    assert!(!found.is_cancelled(), "{found:?}");
    assert_eq!(found.tracking_number.as_deref(), Some("1Z 1"));
}

pub async fn an_unknown_order_cannot_be_cancelled<B: Bench>() {
    let bench = B::open().await;
    let answer = cancel(&bench, "A-1").await;
    if B::CAPABILITIES.cancels {
        assert_refused(&answer);
    } else {
        assert_cannot(&answer);
    }
    assert_eq!(bench.provider().find_order(&code("A-1")).await, Ok(None));
    // And a later order of that number is not affected.
    submitted(&bench, &order("A-1")).await;
    assert!(!found(bench.provider(), "A-1").await.is_cancelled());
}

pub async fn after_a_lost_response_the_order_shows_the_outcome<B: Bench>() {
    let ways = for_each_form::<B>(Failure::CancelLost, async |bench, way| {
        submitted(bench, &order("A-1")).await;
        let answer = cancel(bench, "A-1").await;
        assert!(
            matches!(answer, Ok(CancelResponse::Ambiguous { .. })),
            "{way}: {answer:?}"
        );
        assert!(found(bench.provider(), "A-1").await.is_cancelled(), "{way}");
    })
    .await;
    assert_eq!(ways > 0, B::CAPABILITIES.cancels);
}

pub async fn an_unreachable_warehouse_cancels_nothing<B: Bench>() {
    let bench = B::open().await;
    submitted(&bench, &order("A-1")).await;
    bench.go_down().await;
    let answer = cancel(&bench, "A-1").await;
    if B::CAPABILITIES.cancels {
        let error = answer.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient, "{error}");
    } else {
        assert_cannot(&answer);
    }
}
