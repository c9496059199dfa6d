-- The ledger of orders. Everything is in the connection's default schema and prefixed, so that it
-- may stand beside Vendure's own tables, which are never read or written.

-- One row: what this installation is set to, and what it has done once and for all.
create table veracore_config (
    id smallint primary key default 1 check (id = 1),
    -- setting name (as the environment variable) -> value
    settings jsonb not null default '{}',
    -- when this installation was first started; orders placed before that were not ours
    first_started_at timestamptz,
    -- when the very first sweep was taken into the ledger
    baseline_at timestamptz,
    updated_at timestamptz not null default now()
);

insert into veracore_config default values;

-- One row an order, from the moment it is found to the end of its life.
create table veracore_order_sync (
    id bigint generated always as identity primary key,
    vendure_order_id text not null unique,
    vendure_order_code text not null,
    veracore_order_id text,
    sync_status text not null check (sync_status in
        ('pending', 'syncing', 'in_doubt', 'retrying', 'success', 'error', 'skipped', 'cancelled')),
    -- why it is skipped: 'existing', 'left_trigger_state', 'shipping_method', 'skip_skus', 'person'
    skip_reason text,
    error_category text,
    error_message text,
    -- failures that count towards the limit
    retry_count integer not null default 0,
    -- failures in a row that were not the order's own (the other end down, credentials refused)
    parked_count integer not null default 0,
    -- null when nothing more is to be done
    next_attempt timestamptz,
    last_sync_attempt timestamptz,
    last_successful_sync timestamptz,
    placed_at timestamptz,
    -- an intent without a known outcome: set before the send, cleared when the outcome is known
    sent_at timestamptz,
    -- when VeraCore was first asked about that intent, after the quiet period, and had no such order
    missing_at timestamptz,
    -- SHA-256 of the last order meant to be sent
    payload_digest text,
    lease_token uuid,
    lease_until timestamptz,
    sync_metadata jsonb not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check ((lease_token is null) = (lease_until is null)),
    check ((sync_status = 'syncing') = (lease_token is not null)),
    check (sync_status not in ('pending', 'syncing', 'in_doubt', 'retrying') or next_attempt is not null)
);

create index veracore_order_sync_due on veracore_order_sync (next_attempt, id)
    where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying');
create index veracore_order_sync_code on veracore_order_sync (vendure_order_code);
create index veracore_order_sync_status on veracore_order_sync (sync_status, updated_at);

-- What the last intent holds, line by line.
create table veracore_order_line (
    order_sync_id bigint not null references veracore_order_sync (id),
    vendure_line_id text not null,
    vendure_sku text not null,
    -- after the map of SKUs
    veracore_sku text not null,
    quantity integer not null check (quantity > 0),
    primary key (order_sync_id, vendure_line_id)
);

create index veracore_order_line_sku on veracore_order_line (veracore_sku);

-- What was tried, when, and what came of it. Rows are added and ended once; later
-- only their message is cleared, when its time has come.
create table veracore_order_attempt (
    id bigint generated always as identity primary key,
    order_sync_id bigint not null references veracore_order_sync (id),
    -- 'read', 'look_up', 'send', or what a person asked for: 'retry', 'adopt', 'skip', 'backfill'
    kind text not null,
    started_at timestamptz not null,
    -- null: still going on, or the process ended before the outcome was known
    ended_at timestamptz,
    outcome text,
    class text check (class in ('transient', 'permanent', 'ambiguous')),
    category text,
    message text,
    payload_digest text
);

create index veracore_order_attempt_order on veracore_order_attempt (order_sync_id, id);

-- Runs of the jobs that work on a schedule. Inserting the row is the claim of the occurrence.
create table veracore_sync_run (
    id bigint generated always as identity primary key,
    job text not null,
    scheduled_for timestamptz not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    outcome text check (outcome in ('done', 'failed')),
    result jsonb not null default '{}',
    error_message text,
    unique (job, scheduled_for)
);
