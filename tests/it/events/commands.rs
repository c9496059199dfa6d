//! Events in the daemon and in the commands.

use super::*;
use crate::harness::{Daemon, Output, until};

/// A world with a receiver, and a daemon that syncs nothing.
struct Outbox {
    world: World,
    receiver: Receiver,
    daemon: Daemon,
}

impl Outbox {
    async fn open(name: &str, status: u16) -> Self {
        let world = World::named(name).real_time().build().await;
        let receiver = Receiver::start().await;
        receiver.respond_with_status(status);
        let data = json!({ "order": "OLD" });
        raise(&world.tables, world.clock.now(), "schedule.missed", &data).await;
        let daemon = world
            .daemon()
            .with("SYNC_ENABLED", "false")
            .with("EVENT_WEBHOOK_URL", &receiver.url())
            .with("EVENT_WEBHOOK_SECRET", EVENT_SECRET);
        let mut daemon = daemon.spawn();
        daemon.wait_for("SYNC_ENABLED is false").await;
        let data = json!({ "run": 7 });
        until("the ledger knows of the receiver", || async {
            let rows = world.rows().await;
            rows["veracore_config"][0]["events_unheard_after"]
                .is_null()
                .then_some(())
        })
        .await;
        raise(&world.tables, world.clock.now(), "inventory.held", &data).await;
        Self {
            world,
            receiver,
            daemon,
        }
    }

    async fn list(&self, args: &[&str]) -> Vec<Value> {
        let args = [&["events", "list", "--json"], args].concat();
        let listed = self.world.cli_json(&args).await;
        listed["events"].as_array().unwrap().clone()
    }

    async fn resend(&self, id: &str) -> Output {
        let url = self.receiver.url();
        let settings = [
            ("EVENT_WEBHOOK_URL", url.as_str()),
            ("EVENT_WEBHOOK_SECRET", EVENT_SECRET),
        ];
        let args = ["events", "resend", id, "--json"];
        self.world.cli_with(&settings, &args).await
    }

    async fn taken(&self, times: usize) {
        until("it is delivered", async || {
            (self.receiver.accepted().len() == times).then_some(())
        })
        .await;
    }

    async fn close(self) {
        self.daemon.stop().await;
        self.world.assert_settled().await;
    }
}

#[tokio::test]
async fn a_daemon_delivers_events_while_paused_and_logs_a_failure_once() {
    let mut outbox = Outbox::open("outbox", 400).await;
    let trouble = "cannot be delivered to EVENT_WEBHOOK_URL";
    outbox.world.expect_error(trouble);
    outbox.daemon.wait_for(trouble).await;
    let pending = until("that is recorded", async || {
        let pending = outbox.list(&["--state", "pending"]).await;
        pending[0]["problem"].is_string().then_some(pending)
    })
    .await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["type"], "inventory.held");
    let problem = "the receiver of events deliver_event: HTTP 400";
    assert_eq!(pending[0]["problem"], problem);
    let id = pending[0]["id"].as_str().unwrap().to_owned();
    for times in 2..5 {
        outbox.resend(&id).await.success_json();
        let all = || outbox.receiver.all().len();
        until("it is tried again", async || (all() >= times).then_some(())).await;
    }
    outbox.receiver.respond_with_status(200);
    let output = outbox.resend(&id).await.success_json();
    assert_eq!(output["events"][0]["done"], true);
    outbox.taken(1).await;
    outbox.daemon.wait_for("resolved: an event cannot be").await;
    let lines = outbox.daemon.lines();
    let errors = lines.iter().filter(|line| line["level"] == "ERROR");
    assert_eq!(errors.count(), 1, "however many attempts there were");
    outbox.close().await;
}

#[tokio::test]
async fn events_can_be_listed_and_resent() {
    let outbox = Outbox::open("people", 200).await;
    outbox.taken(1).await;
    let id = outbox.receiver.accepted()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let kept = outbox.list(&["--state", "kept"]).await;
    assert_eq!(kept[0]["type"], "schedule.missed");
    until("that is recorded", async || {
        let last = outbox.list(&["--limit", "1"]).await;
        (last[0]["state"] == "delivered").then_some(())
    })
    .await;
    assert_eq!(outbox.list(&["--state", "dead"]).await.len(), 0);
    assert_eq!(outbox.list(&[]).await.len(), 2);
    outbox.resend(&id).await.success_json();
    outbox.taken(2).await;
    assert_eq!(outbox.receiver.accepted()[1]["id"], json!(id));

    let world = &outbox.world;
    let table = world.cli(&["events", "list"]).await.stdout;
    assert!(table.starts_with("ID ") && table.contains(&id), "{table}");
    let nobody = "00000000-0000-0000-0000-000000000000";
    let unknown = outbox.resend(nobody).await;
    let output = unknown.json();
    assert_eq!(
        (unknown.status, &output["events"][0]["done"]),
        (1, &json!(false))
    );
    let bad = outbox.resend("ORDER-1").await;
    assert_eq!(bad.status, 2);
    let words = "'ORDER-1' is not an event ID";
    assert!(bad.stderr.contains(words), "{bad:?}");
    let nowhere = world.cli(&["events", "resend", &id]).await;
    assert_eq!(nowhere.status, 2);
    let words = "EVENT_WEBHOOK_URL is not set";
    assert!(nowhere.stderr.contains(words), "{nowhere:?}");
    let lost = world.cli(&["events", "list", "--state", "lost"]).await;
    assert_eq!(lost.status, 2);
    outbox.close().await;
}
