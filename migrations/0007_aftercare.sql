-- What becomes of orders after VeraCore has them: either end cancels them, or the shop edits them.

alter table veracore_order_sync
    -- when it was last looked at whether the shop did
    add column aftercare_at timestamptz,
    -- when nothing of it mattered any more: shipped, or cancelled and seen to
    add column aftercare_ended_at timestamptz,
    -- digests of what was sent, part by part, without the lines: {"shippingAddress": …}
    add column sent_parts jsonb,
    -- what was found to differ from what was sent: [{"part": …, "detail": …}]
    add column changed_parts jsonb,
    -- where its cancellation stands at VeraCore: 'requested': to be stopped; 'by_hand': only a
    -- person can stop it there; 'stopped'; 'too_late': it was shipped
    add column cancel_status text
        check (cancel_status in ('requested', 'by_hand', 'stopped', 'too_late')),
    -- when it was found cancelled in the shop
    add column cancel_found_at timestamptz,
    -- when VeraCore was last told to cancel it, whatever came of that
    add column cancel_asked_at timestamptz,
    -- when it is looked at again; null when nothing more is to be done
    add column cancel_next timestamptz,
    -- when VeraCore first did not show it, and since then never did
    add column cancel_missing_at timestamptz,
    add column cancel_tries integer not null default 0,
    add column cancel_message text,
    -- when VeraCore was first seen to have cancelled it though the shop had not
    add column veracore_cancelled_at timestamptz,
    -- when the shop is next told of that, where CANCEL_IN_VENDURE says so; null: nothing is to be told
    add column shop_cancel_next timestamptz,
    add check (cancel_next is null or cancel_status in ('requested', 'by_hand'));

-- What was closed long before is nobody's concern any more. What was closed lately may have been
-- cancelled in the shop, and never been stopped.
update veracore_order_sync set aftercare_ended_at = closed_at
    where closed_at < now() - interval '30 days';

create index veracore_order_sync_aftercare on veracore_order_sync (aftercare_at nulls first, id)
    where sync_status = 'success' and aftercare_ended_at is null and cancel_status is null;
create index veracore_order_sync_shop_cancel on veracore_order_sync (shop_cancel_next)
    where shop_cancel_next is not null;
create index veracore_order_sync_care_count on veracore_order_sync (id)
    where sync_status = 'success' and (cancel_status is not null
        or veracore_cancelled_at is not null or changed_parts is not null);
create index veracore_order_sync_cancel on veracore_order_sync (cancel_next)
    where cancel_next is not null;
