-- Participants and their accreditation. What an entity says of itself is replaced by its own entity configuration; status is ours.
create table participants (
  id text primary key,
  entity_id text not null unique,
  name text not null,
  roles text[] not null,
  adapter text not null check (adapter in ('self-data', 'solid', 'webdav')),
  endpoints jsonb not null,
  keys jsonb not null,
  datasets jsonb not null,
  about jsonb not null,
  client jsonb,
  status text not null check (status in ('registered', 'accredited', 'suspended', 'revoked', 'expired'))
);

create table trust_marks (
  id text primary key,
  participant_id text not null references participants (id),
  type text not null,
  level smallint not null check (level between 0 and 2),
  jwt text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index trust_marks_newest on trust_marks (participant_id, issued_at desc);
