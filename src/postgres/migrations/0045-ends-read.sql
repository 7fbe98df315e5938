-- A permission ended for what changed at a participant, and its person has read so.
create table ends_read (
  consent_id text primary key references consents (id) on delete cascade,
  at timestamptz not null
);
