//! How the ledger's questions are answered when it holds a million orders.

use super::report::Report;

pub async fn measure(_: &mut Report) {}
