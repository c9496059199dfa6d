-- VeraCore's webhooks: what it told of its own accord, and what came of it.

-- Each signature that was taken, so that it is taken once. Kept for days, though it is of no use to
-- anybody after minutes.
create table veracore_webhook_seal (
    -- SHA-256 of the signature, in hex
    digest text primary key,
    received_at timestamptz not null
);

create index veracore_webhook_seal_age on veracore_webhook_seal (received_at);

-- One row a webhook. Only what is needed to ask VeraCore about it: never what it said in numbers,
-- and never the body, which may hold an address.
create table veracore_webhook (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('inventory-update', 'order-update', 'tracking-update')),
    -- the order that it is about, if it is about one
    order_number text,
    -- {"inventory": {"skus": […]}}, {"order": {"number", "status"}} or
    -- {"tracking": {"number", "shipmentId", "trackingNumber", "status"}}
    news jsonb not null,
    received_at timestamptz not null,
    webhook_status text not null default 'waiting' check (webhook_status in
        -- 'unconfirmed': VeraCore did not say so when it was asked, for an hour; 'unknown': about an
        -- order that we did not send; 'failed': needs a person
        ('waiting', 'done', 'unconfirmed', 'unknown', 'failed')),
    -- what came of it, or why it is tried again
    message text,
    attempts integer not null default 0,
    next_attempt timestamptz,
    ended_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    check ((lease_token is null) = (lease_until is null)),
    check ((webhook_status = 'waiting') = (next_attempt is not null)),
    check ((webhook_status = 'waiting') = (ended_at is null)),
    check (webhook_status = 'waiting' or lease_token is null)
);

create index veracore_webhook_due on veracore_webhook (next_attempt, id)
    where webhook_status = 'waiting';
create index veracore_webhook_order on veracore_webhook (order_number, id)
    where order_number is not null;
create index veracore_webhook_age on veracore_webhook (received_at);

alter table veracore_sync_run
    drop constraint veracore_sync_run_origin_check,
    -- 'webhook': VeraCore told that something changed, at its own moment
    add constraint veracore_sync_run_origin_check
        check (origin in ('schedule', 'person', 'webhook'));
