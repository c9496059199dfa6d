-- Stock and tracking coming back from VeraCore: what was read, what was written to the shop because
-- of it, and who is at work on what.

-- Who works on what right now, across replicas: a job ('job:…'), an order's fulfillments ('order:…'),
-- a SKU's stock ('sku:…'). A row whose time has run out belongs to nobody.
create table veracore_lease (
    name text primary key,
    lease_token uuid not null,
    lease_until timestamptz not null
);

alter table veracore_config
    -- the beginning of the last whole reading of shipments; the next one starts before it
    add column shipments_read_at timestamptz;

alter table veracore_order_sync
    -- when nothing of what was sent was left to fulfill in the shop (fulfilled, or cancelled there)
    add column closed_at timestamptz,
    -- the tracking fields as they were last written to the shop's order
    add column tracking_written text,
    -- when VeraCore was last asked for this one order's tracking
    add column tracking_asked_at timestamptz;

-- What VeraCore has and the shop still counts as allocated.
create index veracore_order_sync_open on veracore_order_sync (id)
    where sync_status = 'success' and closed_at is null;

alter table veracore_sync_run
    -- what the run answers: 'schedule' an occurrence, whose moment is in scheduled_for; 'person' a
    -- wish, at its own moment
    add column origin text not null default 'schedule' check (origin in ('schedule', 'person')),
    -- how often it was started: again after whoever ran it died
    add column starts integer not null default 1,
    drop constraint veracore_sync_run_outcome_check,
    -- 'held': read, found too strange to be believed, and left to a person
    add constraint veracore_sync_run_outcome_check check (outcome in ('done', 'failed', 'held'));

create index veracore_sync_run_started on veracore_sync_run (job, started_at desc);

-- One row a package that VeraCore told of.
create table veracore_shipment (
    id bigint generated always as identity primary key,
    order_sync_id bigint not null references veracore_order_sync (id),
    -- 'id:' and the provider's id of the package; where it gives none, 'tracking:' and the number;
    -- where it gives neither, 'unnamed'
    package_key text not null,
    shipment_id text,
    tracking_number text,
    carrier text,
    service text,
    shipped_at timestamptz,
    -- the provider's own word
    provider_status text not null,
    -- [{"sku": …, "quantity": …}]; null: not told
    items jsonb,
    shipment_status text not null check (shipment_status in
        ('waiting', 'pending', 'fulfilled', 'covered', 'void', 'problem')),
    -- why it waits, or what a person must see to
    message text,
    -- what was meant to be fulfilled, before it was: [{"line": …, "quantity": …}]
    intended_lines jsonb,
    intended_at timestamptz,
    vendure_fulfillment_id text,
    fulfilled_at timestamptz,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    unique (order_sync_id, package_key)
);

create index veracore_shipment_unfinished on veracore_shipment (first_seen_at)
    where shipment_status in ('waiting', 'pending', 'problem');

-- Each level that was written to the shop, with the arithmetic that led to it.
create table veracore_stock_change (
    id bigint generated always as identity primary key,
    run_id bigint references veracore_sync_run (id) on delete set null,
    vendure_variant_id text not null,
    vendure_sku text not null,
    veracore_sku text not null,
    stock_location_id text not null,
    -- when VeraCore was asked; whatever was acknowledged later is not in these numbers
    feed_asked_at timestamptz not null,
    available integer not null,
    reserved integer,
    on_hand integer,
    safety_stock integer not null,
    -- units of orders that VeraCore had by then and the shop has not fulfilled
    acknowledged integer not null,
    -- units that the shop allocated, for other variants of the same SKU, to orders that VeraCore
    -- does not have
    waiting_elsewhere integer not null,
    -- units that the shop fulfilled, since before VeraCore was asked, of orders that VeraCore did
    -- not have by then
    gone integer not null,
    -- what the shop had allocated of this variant in all
    allocated integer not null,
    before_on_hand integer not null,
    after_on_hand integer not null,
    intended_at timestamptz not null,
    ended_at timestamptz,
    -- null: not known to have been written, since the process died or the answer was lost
    outcome text check (outcome in ('written', 'refused', 'unknown')),
    message text
);

create index veracore_stock_change_sku on veracore_stock_change (vendure_sku, id desc);
create index veracore_stock_change_run on veracore_stock_change (run_id);
create index veracore_stock_change_age on veracore_stock_change (intended_at);

-- What others may want to know of. Rows are only added.
create table veracore_event (
    id uuid primary key default gen_random_uuid(),
    event_type text not null,
    occurred_at timestamptz not null,
    data jsonb not null
);

create index veracore_event_age on veracore_event (occurred_at);
