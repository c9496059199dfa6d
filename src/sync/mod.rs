//! What is carried where: orders out, stock and tracking in, and the checks and jobs around it.
//!
//! Owns every decision about an order, a level and a package. Talks to the shop and the warehouse
//! through their traits and to the ledger; must not know SQL, the configuration's sources or, but for
//! the receiver of events, HTTP.

pub mod aftercare;
#[cfg(test)]
mod balance_tests;
pub mod events;
pub mod inventory;
pub mod jobs;
pub mod leases;
pub mod orders;
mod pages;
pub mod preflight;
pub mod reconcile;
pub mod runner;
pub mod tracking;
pub mod upstreams;
pub mod webhooks;

use crate::vendure::StorefrontError;

/// Halves a page that the shop finds too large: its `adminListQueryLimit` may be lower than
/// Vendure's default. Whether there is anything left to halve.
fn halve_if_too_large(error: &StorefrontError, take: &mut u32) -> bool {
    let too_large =
        matches!(error, StorefrontError::Graphql { code, .. } if code == "USER_INPUT_ERROR");
    if too_large && *take > 1 {
        *take /= 2;
        return true;
    }
    false
}
