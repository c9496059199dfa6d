//! After the retention period, no table contains personal data.

use chrono::TimeDelta;
use veracore_sync::clock::Clock as _;

use crate::harness::World;

const ANN: &str = "Ann Lee <ann@example.com>";

/// A row with personal data in every table that stores texts of other systems.
const QUOTED: &str = "
    insert into veracore_order_sync (vendure_order_id, vendure_order_code, sync_status, error_category,
            error_message, created_at, updated_at)
        select n::text, 'ORDER-' || n, status, 'validation', $2, $1, $1
        from unnest(array['error', 'cancelled', 'skipped', 'success']) with ordinality t (status, n);
    update veracore_order_sync set last_sync_attempt = $1, sent_summary =
        jsonb_build_object('shippingMethod', 'ground', 'shipTo', jsonb_build_array($2))
        where sync_status = 'success';
    insert into veracore_order_attempt (order_sync_id, kind, started_at, ended_at, outcome, message)
        select id, 'send', $1, $1, 'refused', $2 from veracore_order_sync;
    insert into veracore_shipment (order_sync_id, package_key, provider_status, shipment_status, message,
            first_seen_at, updated_at)
        select id, 'id:1', 'Shipped', 'problem', $2, $1, $1 from veracore_order_sync;
    insert into veracore_sync_run (job, scheduled_for, started_at, ended_at, outcome, result, error_message)
        values ('sync_tracking', $1, $1, $1, 'done',
                jsonb_build_object('problems', jsonb_build_array(jsonb_build_object('problem', $2)), 'fulfilled', 3), null),
            ('sync_inventory', $1, $1, $1, 'failed', '{}', $2),
            ('sweep_orders', $1, $1, $1, 'failed', 'null', $2),
            ('sync_inventory', $1 + interval '1 second', $1, $1, 'held',
                jsonb_build_object('discardedBy', $2), null);
    insert into veracore_stock_change (vendure_variant_id, vendure_sku, veracore_sku, stock_location_id,
            feed_asked_at, available, safety_stock, acknowledged, waiting_elsewhere, gone, allocated,
            before_on_hand, after_on_hand, intended_at, message)
        values ('1', 'A', 'A', '1', $1, 1, 0, 0, 0, 0, 0, 0, 1, $1, $2);
    insert into veracore_event (event_type, order_sync_id, occurred_at, next_try, data, state, problem)
        select 'order.failed', id, $1, $1, jsonb_build_object('order', 'ORDER-1', 'message', $2), state, $2
        from veracore_order_sync, unnest(array['pending', 'delivered', 'dead', 'kept']) state;
    insert into veracore_event (event_type, occurred_at, data)
        values ('upstream.down', $1, jsonb_build_object('upstream', 'VeraCore', 'problem', $2));
    insert into veracore_order_note (event_id, note_status, next_try, ended_at, problem)
        select id, 'dropped', $1, $1, $2 from veracore_event where order_sync_id is not null;
";

#[tokio::test]
async fn personal_data_is_in_no_table_after_the_retention_period() {
    let world = World::ledger_only("privacy").await;
    let now = world.clock.now();
    let sql = QUOTED
        .replace("$1", &format!("'{}'::timestamptz", now.to_rfc3339()))
        .replace("$2", &format!("'{ANN}'::text"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
    let quoting = async || -> Vec<String> {
        let rows = crate::harness::rows(&world.pool).await;
        let quoting = rows
            .into_iter()
            .filter(|(_, rows)| rows.to_string().contains("Ann Lee"));
        quoting.map(|(table, _)| table).collect()
    };
    let tables = [
        "veracore_event",
        "veracore_order_attempt",
        "veracore_order_note",
        "veracore_order_sync",
        "veracore_shipment",
        "veracore_stock_change",
        "veracore_sync_run",
    ];
    assert_eq!(quoting().await, tables);
    let clear = async |before| world.ledger.clear_personal_data(before).await.unwrap();
    assert_eq!(clear(now).await, 0, "not yet");
    world.clock.advance(TimeDelta::days(90));
    assert_eq!(
        clear(now + TimeDelta::seconds(1)).await,
        4 * 3 + 1 + 4 + 1 + 17 + 16
    );
    assert_eq!(quoting().await, Vec::<String>::new());
    let kept: (i64, String) = sqlx::query_as(
        "select (result ->> 'fulfilled')::bigint, (select data ->> 'order' from veracore_event limit 1)
         from veracore_sync_run where job = 'sync_tracking'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(kept, (3, "ORDER-1".into()), "the history is kept");
    let summary: serde_json::Value = sqlx::query_scalar(
        "select sent_summary from veracore_order_sync where sent_summary is not null",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(summary, serde_json::json!({ "shippingMethod": "ground" }));
    assert_eq!(clear(now + TimeDelta::seconds(1)).await, 0, "once");
    world.assert_settled().await;
}
