//! Daily deletion of old rows.

use chrono::TimeDelta;
use veracore_sync::{
    clock::Clock as _,
    lifecycle::TaskGroup,
    sync::jobs::{maintenance::Maintenance, run_once::RunAttempt},
};

use crate::harness::{World, available_upstreams, scheduler};

/// Two rows of each kind from 91 days ago and one from today, an expired and a current lease.
const HISTORY: &str = "
    insert into veracore_event (event_type, occurred_at, data)
        select 'inventory.completed', $1 - days * interval '1 day', '{}' from unnest(array[91, 91, 0]) days;
    insert into veracore_sync_run (job, scheduled_for, started_at, ended_at, outcome, origin)
        select 'sync_inventory', at, at, at, 'done', 'schedule'
        from unnest(array[91, 92, 0]) days, lateral (select $1 - days * interval '1 day') t (at);
    insert into veracore_sync_run (job, scheduled_for, started_at, ended_at, outcome, origin)
        select 'sync_tracking', $1 - interval '95 days', $1 - interval '95 days', $1, 'done', 'schedule';
    insert into veracore_stock_change (vendure_variant_id, vendure_sku, veracore_sku, stock_location_id,
            feed_asked_at, available, safety_stock, acknowledged, waiting_elsewhere, gone, allocated,
            before_on_hand, after_on_hand, intended_at)
        select variant, variant, variant, '1', at, 1, 0, 0, 0, 0, 0, 0, 1, at
        from (values ('often', 93), ('often', 92), ('often', 0), ('once', 91)) v (variant, days),
            lateral (select $1 - days * interval '1 day') t (at) order by at;
    insert into veracore_lease (name, lease_token, lease_until) values
        ('order:1', gen_random_uuid(), $1 - interval '1 second'),
        ('order:2', gen_random_uuid(), $1 + interval '1 hour');
";

#[tokio::test]
async fn old_rows_are_deleted_once_a_day_except_the_last_of_each() {
    let world = World::ledger_only("tidy").await;
    let now = format!("'{}'::timestamptz", world.clock.now().to_rfc3339());
    sqlx::raw_sql(sqlx::AssertSqlSafe(HISTORY.replace("$1", &now)))
        .execute(&world.pool)
        .await
        .unwrap();
    let maintenance = Maintenance {
        ledger: world.ledger.clone(),
        clock: world.clock.clone(),
        pii_retention_days: 90,
    };
    let tasks = TaskGroup::new();
    let scheduler = scheduler(
        vec![],
        world.ledger.clone(),
        world.clock.clone(),
        &tasks,
        available_upstreams(),
    );
    let run_if_due = async || {
        let attempt = scheduler.run_if_due(&maintenance).await.unwrap();
        matches!(attempt, RunAttempt::Completed(..))
    };
    assert!(run_if_due().await);

    let all = |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_all(&world.pool);
    assert_eq!(
        all("select event_type from veracore_event")
            .await
            .unwrap()
            .len(),
        1
    );
    // The schedule continues from the last occurrence of each job.
    assert_eq!(
        all("select job from veracore_sync_run where job <> 'tidy_ledger' order by job")
            .await
            .unwrap(),
        ["sync_inventory", "sync_tracking"]
    );
    assert_eq!(
        all("select vendure_sku from veracore_stock_change order by vendure_sku")
            .await
            .unwrap(),
        ["often", "once"]
    );
    assert_eq!(
        all("select name from veracore_lease").await.unwrap(),
        ["order:2"]
    );
    let results = all("select result::text from veracore_sync_run where job = 'tidy_ledger'")
        .await
        .unwrap();
    let results: serde_json::Value = serde_json::from_str(&results[0]).unwrap();
    assert_eq!(
        results,
        serde_json::json!({"messagesCleared": 0, "runsForgotten": 2, "stockChangesForgotten": 2,
            "eventsForgotten": 2, "webhooksForgotten": 0})
    );

    // Once a day, over all replicas.
    assert!(!run_if_due().await);
    world.clock.advance(TimeDelta::days(1));
    assert!(run_if_due().await);
    assert_eq!(
        all("select name from veracore_lease").await.unwrap(),
        Vec::<String>::new()
    );
    world.assert_settled().await;
}
