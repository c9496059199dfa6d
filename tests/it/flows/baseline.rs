//! The first start: earlier orders are recorded, and sent only by a backfill.

use serde_json::json;
use veracore_sync::domain::SyncStatus;

use crate::harness::World;

const SKIP: &[(&str, &str)] = &[("ORDER_SYNC_EXISTING", "skip")];

#[tokio::test]
async fn orders_from_before_the_first_start_wait_for_a_backfill() {
    let world = World::named("baseline").real_time().build().await;
    let old = world.pay_order(&[("A-0", 1)]).await;
    let older = world.pay_order(&[("A-1", 1)]).await;
    world.shop.make_old(&older, "'2019-03-04 05:06:07'").await;
    let first = world.cli_with(SKIP, &["sync", "orders", "--json"]).await;
    assert_eq!(first.success_json()["takenIn"], 0);
    let record = world.record(&old.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    assert_eq!(record.skip_reason.as_deref(), Some("existing"));

    let new = world.pay_order(&[("A-2", 1)]).await;
    let next = world.cli_with(SKIP, &["sync", "orders", "--json"]).await;
    assert_eq!(
        next.success_json(),
        json!({ "takenIn": 1, "orders": { "success": 1 }, "unrecorded": 0 })
    );
    assert_eq!(world.status(&new.code).await, SyncStatus::Success);
    assert_eq!(world.sandbox.orders().len(), 1);

    let since = ["orders", "backfill", "--since", "2020-01-01", "--json"];
    let preview = world.cli(&[&since[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        preview.success_json(),
        json!({ "dryRun": true, "orders": [old.code] })
    );
    assert_eq!(world.status(&old.code).await, SyncStatus::Skipped);
    let done = world.cli(&since).await;
    assert_eq!(
        done.success_json(),
        json!({ "dryRun": false, "orders": [old.code] })
    );
    let sent = world.cli_with(SKIP, &["sync", "orders", "--json"]).await;
    assert_eq!(
        sent.success_json(),
        json!({ "takenIn": 0, "orders": { "success": 1 }, "unrecorded": 0 })
    );
    assert_eq!(world.status(&old.code).await, SyncStatus::Success);
    assert_eq!(
        world.status(&older.code).await,
        SyncStatus::Skipped,
        "it is older than the backfill's range"
    );
    let again = world.cli(&since).await;
    assert_eq!(again.success_json()["orders"], json!([]));
    world.assert_settled().await;
}
