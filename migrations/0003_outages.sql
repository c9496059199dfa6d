-- Outages of either end, told once across replicas.

create index veracore_event_upstream on veracore_event ((data ->> 'upstream'), occurred_at desc)
    where event_type in ('upstream.down', 'upstream.up');

comment on table veracore_lease is
    'who works on what right now: ''job:…'', ''order:<Vendure id>'', ''stock:<variant id>''';
