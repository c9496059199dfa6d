//! The daemon and the commands: the outbox as people see it.

use super::*;
use crate::harness::until;

fn to(receiver: &Receiver) -> [(&'static str, String); 2] {
    [
        ("EVENT_WEBHOOK_URL", receiver.url()),
        ("EVENT_WEBHOOK_SECRET", EVENT_SECRET.into()),
    ]
}

#[tokio::test]
async fn a_daemon_delivers_also_where_nothing_is_moved_and_people_can_look_and_send_again() {
    let mut world = World::named("outbox").real_time().build().await;
    world.expect_error("cannot be delivered to EVENT_WEBHOOK_URL");
    let receiver = Receiver::start().await;
    let old = json!({ "order": "OLD" });
    world
        .ledger
        .raise_event("schedule.missed", &old)
        .await
        .unwrap();
    receiver.answers_all(400);
    let mut daemon = world.daemon().with("SYNC_ENABLED", "false");
    for (name, value) in to(&receiver) {
        daemon = daemon.with(name, &value);
    }
    let mut daemon = daemon.spawn();
    daemon.wait_for("SYNC_ENABLED is false").await;
    world
        .ledger
        .raise_event("inventory.held", &json!({ "run": 7 }))
        .await
        .unwrap();
    until("it is tried", async || {
        (!receiver.all().is_empty()).then_some(())
    })
    .await;
    daemon
        .wait_for("cannot be delivered to EVENT_WEBHOOK_URL")
        .await;
    let list = async |args: &[&str]| -> Vec<Value> {
        let args = [&["events", "list", "--json"], args].concat();
        let listed = world.cli(&args).await.done();
        listed["events"].as_array().unwrap().clone()
    };
    let pending = until("that is recorded", async || {
        let pending = list(&["--state", "pending"]).await;
        pending[0]["problem"].is_string().then_some(pending)
    })
    .await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["type"], "inventory.held");
    assert_eq!(
        pending[0]["problem"],
        "the receiver of events deliver_event: HTTP 400"
    );
    let id = pending[0]["id"].as_str().unwrap().to_owned();
    receiver.answers_all(200);
    let settings = to(&receiver);
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let resend = async |id: &str| {
        world
            .cli_with(&settings, &["events", "resend", id, "--json"])
            .await
    };
    assert_eq!(resend(&id).await.done()["events"][0]["done"], true);
    until("it is delivered", async || {
        (receiver.taken().len() == 1).then_some(())
    })
    .await;
    daemon.wait_for("over: an event cannot be delivered").await;
    assert_eq!(
        list(&["--state", "kept"]).await[0]["type"],
        "schedule.missed"
    );
    assert_eq!(list(&["--limit", "1"]).await[0]["state"], "delivered");
    assert_eq!(list(&["--state", "dead"]).await.len(), 0);
    resend(&id).await.done();
    until("it is delivered again", async || {
        (receiver.taken().len() == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.taken()[0]["id"], receiver.taken()[1]["id"]);

    let table = world.cli(&["events", "list"]).await;
    assert!(
        table.stdout.starts_with("ID ") && table.stdout.contains(&id),
        "{table:?}"
    );
    let unknown = resend("00000000-0000-0000-0000-000000000000").await;
    assert_eq!(
        (unknown.status, &unknown.json()["events"][0]["done"]),
        (1, &json!(false))
    );
    let bad = resend("ORDER-1").await;
    assert_eq!(bad.status, 2);
    assert!(
        bad.stderr.contains("'ORDER-1' is not an event's id"),
        "{bad:?}"
    );
    let nowhere = world.cli(&["events", "resend", &id]).await;
    assert_eq!(nowhere.status, 2);
    assert!(
        nowhere.stderr.contains("EVENT_WEBHOOK_URL is not set"),
        "{nowhere:?}"
    );
    assert_eq!(
        world
            .cli(&["events", "list", "--state", "lost"])
            .await
            .status,
        2
    );
    // One line of each kind, however many tries there were.
    let errors = daemon
        .lines()
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .count();
    assert_eq!(errors, 1);
    daemon.stop().await;
    world.assert_settled().await;
}
