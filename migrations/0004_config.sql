-- Settings that are secret are kept beside the others, sealed.

alter table veracore_config
    -- setting name -> {"keyId": …, "nonce": …, "text": …}
    add column sealed jsonb not null default '{}';
