-- Names as people look for them: without accents and capitals, compatibility forms taken apart (Unicode NFKD). Ordered by code point, so
-- that the order is the same on every machine, whatever its locale and its version of ICU.
create function folded(name text) returns text language sql immutable strict parallel safe
  return lower(regexp_replace(normalize(name, nfkd), '[\u0300-\u036f]', '', 'g'));

alter table participants add column folded_name text collate "C" not null generated always as (folded(name)) stored;
drop index participants_by_name;
create index participants_by_folded_name on participants (folded_name, id);

-- What a data set or a kind of data is looked for by (`datasets @> '[{"id": "…"}]'`), and where data is kept.
create index participants_datasets on participants using gin (datasets jsonb_path_ops);
create index participants_country on participants ((about ->> 'country'));

-- The mark in force of one participant, answered from the index: the standing as it is now.
create index trust_marks_standing on trust_marks (participant_id, expires_at, level) include (id) where revoked_at is null;
-- With it, everything that a trust list says is in two indexes: whether the list changed is seen without a look at the tables.
create index participants_listed on participants (id) include (name, roles) where status = 'accredited';

-- The feed reads decisions newest first, with the place in the log as the tie-break.
drop index decisions_newest;
create index decisions_newest on decisions (decided_at desc, log_index desc);
