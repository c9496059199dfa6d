-- Fills a migrated, empty ledger with :orders orders, discovered over two years, oldest first. Most are
-- acknowledged and closed; some are open, waiting, in doubt, or need attention.
set synchronous_commit = off;

-- Drop the indexes and create them at the end: that is faster than updating them.
create temporary table held_back as
    select indexname, indexdef from pg_indexes i
    where schemaname = current_schema() and tablename like 'veracore\_%'
        and not exists (select from pg_constraint c where c.conname = i.indexname);
do $$ declare name text; begin
    for name in select indexname from held_back loop execute format('drop index %I', name); end loop;
end $$;

-- age: 0 for the newest order
create temporary table made as
    select i as id, :orders - i as age,
        case when :orders - i < least(600, :orders / 40) then
                (array['pending', 'retrying', 'in_doubt', 'pending'])[1 + i % 4]
            when i % 1000 < 3 then 'error'
            when i % 1000 < 13 then 'skipped'
            when i % 1000 < 18 then 'cancelled'
            else 'success' end as status,
        -- the newest of the orders that VeraCore has are not fulfilled yet
        :orders - i < least(600, :orders / 40) + least(6000, :orders / 20) as is_open,
        now() - (:orders - i) * (interval '730 days' / :orders) as at
    from generate_series(1, :orders) i;

insert into veracore_order_sync
    (id, vendure_order_id, vendure_order_code, veracore_order_id, sync_status, skip_reason,
     error_category, error_message, retry_count, next_attempt, last_sync_attempt,
     last_successful_sync, placed_at, sent_at, payload_digest, created_at, updated_at, closed_at,
     tracking_written, aftercare_at, aftercare_ended_at, sent_summary, sent_parts, changed_parts,
     cancel_status, cancel_found_at, cancel_next, veracore_cancelled_at)
overriding system value
select id, id::text, 'ORDER-' || id, case when status = 'success' then 'VC-' || id end, status,
    case when status = 'skipped' then 'existing' end,
    case when status in ('error', 'retrying') then 'validation' end,
    case when status in ('error', 'retrying') then 'The address is not complete' end,
    case when status = 'retrying' then 3 else 0 end,
    -- half of these are due
    case when status in ('pending', 'retrying', 'in_doubt')
        then now() + (id % 60 - 30) * interval '1 minute' end,
    at + interval '1 minute',
    case when status = 'success' then at + interval '1 minute' end,
    at, case when status = 'in_doubt' then at end, repeat('d', 64), at,
    at + case when status = 'success' and not is_open then interval '2 days'
        else interval '1 minute' end,
    case when status = 'success' and not is_open then at + interval '2 days' end,
    case when status = 'success' and not is_open then '1Z' || id end,
    case when status = 'success' then at + interval '1 day' end,
    case when status = 'success' and not is_open or status = 'cancelled'
        then at + interval '3 days' end,
    case when status = 'success' then '{"items": [{"sku": "SKU-1", "quantity": 1}]}'::jsonb end,
    case when status = 'success' and is_open then '{"shippingAddress": "d"}'::jsonb end,
    case when status = 'success' and is_open and id % 100 = 50
        then '[{"part": "lines", "detail": null}]'::jsonb end,
    case when status = 'cancelled' then 'stopped'
        when status = 'success' and is_open and id % 200 = 60 then 'requested' end,
    case when status = 'success' and is_open and id % 200 = 60 then at end,
    case when status = 'success' and is_open and id % 200 = 60 then now() end,
    case when status = 'success' and is_open and id % 500 = 70 then at end
from made;

insert into veracore_order_line (order_sync_id, vendure_line_id, vendure_sku, veracore_sku, quantity)
select id, id || '-' || line, 'SKU-' || (id * 7 + line) % 5000, 'SKU-' || (id * 7 + line) % 5000, 1
from made, generate_series(1, 2) line where status in ('success', 'in_doubt');

insert into veracore_order_attempt (order_sync_id, kind, started_at, ended_at, outcome, payload_digest)
select id, kind, at, at + interval '2 seconds',
    case kind when 'read' then 'done' else 'accepted' end, repeat('d', 64)
from made, unnest(array['read', 'send']) kind where status not in ('pending', 'skipped');

insert into veracore_shipment
    (order_sync_id, package_key, shipment_id, tracking_number, carrier, shipped_at, provider_status,
     shipment_status, vendure_fulfillment_id, fulfilled_at, first_seen_at, updated_at)
select id, 'id:P-' || id, 'P-' || id, '1Z' || id, 'UPS', at + interval '1 day', 'Shipped',
    case when not is_open then 'fulfilled' when id % 50 = 0 then 'problem' else 'waiting' end,
    case when not is_open then id::text end,
    case when not is_open then at + interval '1 day' end, at + interval '1 day', at + interval '1 day'
from made where status = 'success' and (not is_open or id % 5 = 0);

-- The last 90 days: older rows are deleted.
create temporary table of_late as select * from made where at > now() - interval '90 days';

insert into veracore_event
    (event_type, occurred_at, data, order_sync_id, state, tries, next_try, ended_at, problem)
select type, at, jsonb_build_object('order', 'ORDER-' || id), id,
    case when age < 100 then 'pending' when id % 2000 = 0 then 'dead' else 'delivered' end, 1, at,
    case when age >= 100 then at end, case when id % 2000 = 0 then 'no answer' end
from of_late, unnest(array['order.accepted', 'tracking.updated']) type
where status in ('success', 'pending', 'in_doubt') order by at;

insert into veracore_order_note (event_id, note_status, tries, next_try, intended_at, ended_at)
select id, case when state = 'pending' then 'due' else 'written' end, 0, occurred_at, occurred_at,
    case when state <> 'pending' then occurred_at end
from veracore_event where event_type = 'order.accepted';

insert into veracore_webhook_seal (digest, received_at)
select md5(id::text), now() - age * interval '1 second' from of_late;

insert into veracore_webhook (kind, order_number, news, received_at, webhook_status, next_attempt, ended_at)
select case when id % 3 = 0 then 'inventory-update' else 'order-update' end,
    case when id % 3 > 0 then 'ORDER-' || id end,
    case when id % 3 = 0 then '{"inventory": {"skus": ["SKU-1"]}}'::jsonb
        else jsonb_build_object('order', jsonb_build_object('number', 'ORDER-' || id, 'status', 'Shipped')) end,
    at, case when age < 60 then 'waiting' else 'done' end,
    case when age < 60 then now() - interval '1 minute' end, case when age >= 60 then at end
from of_late;

insert into veracore_sync_run (job, scheduled_for, started_at, ended_at, outcome, result, origin)
select job, at, at, at + interval '20 seconds',
    case when job = 'sync_inventory' and n % 400 = 0 then 'held' else 'done' end,
    case when job = 'sync_inventory' then '{"rows": 5000, "unmatchedCount": 3}'::jsonb
        else '{"seen": 10}'::jsonb end, 'schedule'
from (values ('sync_inventory', 4), ('sync_tracking', 1), ('sweep_orders', 1), ('tidy_ledger', 40),
        ('reconcile', 40)) jobs(job, every),
    -- latest first
    generate_series(1, 12000) n, lateral (select now() - n * interval '10 minutes' as at) times
where n % every = 0;

insert into veracore_stock_change
    (run_id, vendure_variant_id, vendure_sku, veracore_sku, stock_location_id, feed_asked_at, available,
     safety_stock, acknowledged, waiting_elsewhere, gone, allocated, before_on_hand, after_on_hand,
     intended_at, ended_at, outcome)
select r.id, sku, 'SKU-' || sku, 'SKU-' || sku, '1', at, 10, 0, 1, 0, 0, 1, 12, 11, at, at, 'written'
from made, (select array_agg(id) as ids from veracore_sync_run where job = 'sync_inventory') runs,
    lateral (select runs.ids[1 + made.id % array_length(runs.ids, 1)] as id) r,
    lateral (select made.id % 5000 as sku) s
where made.id % 2 = 0;

insert into veracore_lease (name, lease_token, lease_until)
select 'order:' || id, gen_random_uuid(), now() + interval '1 minute' from made where age < 30;

update veracore_config set first_started_at = now() - interval '730 days',
    baseline_at = now() - interval '730 days', shipments_read_at = now() - interval '30 minutes',
    events_unheard_after = null, notes_from = now() - interval '730 days';

select setval(pg_get_serial_sequence('veracore_order_sync', 'id'), :orders);

do $$ declare made text; begin
    for made in select indexdef from held_back loop execute made; end loop;
end $$;
drop table made, of_late, held_back;
