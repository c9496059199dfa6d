-- What the dashboard needs: who is logged in, and what was sent as it may be shown.

-- One row a login. Neither the cookie nor Vendure's token can be had from it: the key that opens the
-- token is made of the cookie's secret, of which only a digest is here.
create table veracore_web_session (
    -- SHA-256 of the cookie's secret, in hex
    digest text primary key,
    nonce bytea not null,
    -- the token of the administrator's session in Vendure
    sealed_token bytea not null,
    created_at timestamptz not null,
    used_at timestamptz not null
);

create index veracore_web_session_used on veracore_web_session (used_at);

alter table veracore_order_sync
    -- what was last sent, without what tells who lives where: {"shippingMethod", "currency",
    -- "shipTo": […], "items": [{"sku", "quantity", "unitPrice"}]}
    add column sent_summary jsonb;

-- What is asked while a page is open, and by each scrape of the metrics.
create unique index veracore_event_seq on veracore_event (seq);
create index veracore_event_dead on veracore_event (seq) where state = 'dead';
create index veracore_sync_run_ended on veracore_sync_run (ended_at);
create index veracore_sync_run_held on veracore_sync_run (started_at) where outcome = 'held';
