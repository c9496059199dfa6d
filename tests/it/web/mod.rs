//! The daemon's HTTP server: the real program between a real shop and the sandbox.

mod access;
mod bad_input;
mod dashboard;
mod hardening;
mod metrics;
mod monitoring;
mod operations;
mod schema;
mod secrecy;
mod settings;
mod vendure_webhook;

use crate::harness::{Api, Credential, Daemon, TOKEN, World, until};

/// A daemon with `API_TOKEN`, and a client with that token.
async fn served(world: &World) -> (Daemon, Api) {
    let mut daemon = world.daemon().with("API_TOKEN", TOKEN).start().await;
    let api = Api::new(daemon.address().await, Credential::token());
    (daemon, api)
}

/// The same, but the daemon syncs nothing: all changes in the ledger come from a client.
async fn served_at_rest(world: &World) -> (Daemon, Api) {
    let daemon = world.daemon().with("API_TOKEN", TOKEN);
    let mut daemon = daemon.with("SYNC_ENABLED", "false").spawn();
    daemon.wait_for("SYNC_ENABLED is false").await;
    until("the day's tidying is done", || async {
        let rows = world.rows().await;
        let runs = rows["veracore_sync_run"].as_array().unwrap().clone();
        (runs.len() == 1 && runs[0]["ended_at"].is_string()).then_some(())
    })
    .await;
    until("nothing is held", || async {
        let rows = world.rows().await;
        rows["veracore_lease"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    let api = Api::new(daemon.address().await, Credential::token());
    (daemon, api)
}
