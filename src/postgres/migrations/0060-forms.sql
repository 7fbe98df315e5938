-- Common forms in which the person wants a copy beside each original.
alter table consents add column forms text[] not null default '{}';

-- Of a copy: the key and the digest of its original, and the conversion; null for what came from the source.
alter table transfer_items add column made_from jsonb;
