-- People are a provider's pseudonymous subject, nothing more. A session's display name ends with it.
create table people (
  id text primary key,
  issuer text not null,
  subject text not null,
  created_at timestamptz not null,
  unique (issuer, subject)
);

create table sessions (
  token_hash text primary key,
  person_id text not null references people (id) on delete cascade,
  display_name text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_by_person on sessions (person_id);

create table account_links (
  id text primary key,
  person_id text not null references people (id) on delete cascade,
  participant_id text not null references participants (id),
  account text not null,
  method text not null check (method in ('signed_in', 'write_and_read')),
  proved_at timestamptz not null,
  sealed_credentials text,
  inventory jsonb,
  unique (person_id, participant_id, account)
);
