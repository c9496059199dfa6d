-- Telling of events: to the receiver that EVENT_WEBHOOK_URL names, and, as notes, on the shop's orders.

alter table veracore_event
    -- the order in which they were written; of one order's events also the order in which they happened
    add column seq bigint generated always as identity,
    -- the order it is of, if any
    add column order_sync_id bigint references veracore_order_sync (id) on delete set null,
    -- 'pending': to be delivered, once there is somebody to deliver to; 'kept': nobody was to be told
    -- when it happened; 'dead': given up, until a person has it sent again
    add column state text not null default 'pending'
        check (state in ('pending', 'kept', 'delivered', 'dead')),
    add column tries integer not null default 0,
    add column first_tried_at timestamptz,
    add column next_try timestamptz,
    -- when it was delivered or given up
    add column ended_at timestamptz,
    -- why the last try failed
    add column problem text,
    -- when a person last had it sent again
    add column asked_at timestamptz,
    add column lease_token uuid,
    add column lease_until timestamptz,
    add check ((lease_token is null) = (lease_until is null));

update veracore_event e set order_sync_id = o.id
from veracore_order_sync o
where e.event_type = 'tracking.updated' and o.vendure_order_code = e.data ->> 'order';

update veracore_event set next_try = occurred_at;

alter table veracore_event
    alter column next_try set not null,
    alter column next_try set default now(),
    -- what it is about: events of one subject are delivered one after another
    add column subject text not null generated always as (
        case
            when order_sync_id is not null then 'order:' || order_sync_id::text
            when event_type like 'upstream.%' and data ->> 'upstream' is not null
                then 'upstream:' || (data ->> 'upstream')
            else split_part(event_type, '.', 1)
        end) stored;

create index veracore_event_due on veracore_event (next_try, seq) where state = 'pending';
create index veracore_event_subject on veracore_event (subject, seq) where state = 'pending';
create index veracore_event_order on veracore_event (order_sync_id, seq) where order_sync_id is not null;

-- The private note on the shop's order that tells of an event, where that is wanted.
create table veracore_order_note (
    event_id uuid primary key references veracore_event (id) on delete cascade,
    -- 'due': certainly not written; 'intended': perhaps; 'written'; 'dropped': given up
    note_status text not null check (note_status in ('due', 'intended', 'written', 'dropped')),
    -- before the shop was last called
    intended_at timestamptz,
    tries integer not null default 0,
    first_tried_at timestamptz,
    next_try timestamptz not null,
    ended_at timestamptz,
    problem text,
    lease_token uuid,
    lease_until timestamptz,
    check ((lease_token is null) = (lease_until is null)),
    check (note_status <> 'intended' or intended_at is not null)
);

create index veracore_order_note_open on veracore_order_note (next_try)
    where note_status in ('due', 'intended');

alter table veracore_config
    -- the last event before there was no receiver any more; null while there is one. What happened
    -- since is kept, and not delivered
    add column events_unheard_after bigint default 0,
    -- since when notes are written on the shop's orders; null while they are not
    add column notes_from timestamptz;
