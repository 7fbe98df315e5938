-- The account of a person: ways to sign in, what a session says of itself, how sure a proof is, and who of the register's offices looked.
alter table people add column display_name text, add column closing_at timestamptz;
create index people_closing on people (closing_at) where closing_at is not null;

alter table sessions
  add column id text,
  add column way text not null default 'provider' check (way in ('provider', 'passkey', 'recovery')),
  add column assurance text not null default 'low' check (assurance in ('low', 'substantial', 'high')),
  add column browser text not null default 'other',
  add column last_seen_at timestamptz,
  -- The provider's ID token, for signing out there too; it opens nothing.
  add column logout_hint text;
update sessions set id = 'ses_' || left(md5(token_hash), 22), last_seen_at = created_at;
alter table sessions alter column id set not null, alter column last_seen_at set not null;
create unique index sessions_by_id on sessions (id);

alter table account_links
  add column assurance text not null default 'low' check (assurance in ('low', 'substantial', 'high')),
  -- A removed link stays as the end of permissions of the past: its account, credentials and inventory are erased.
  add column removed_at timestamptz;

create table passkeys (
  id text primary key,
  person_id text not null references people (id) on delete cascade,
  credential_id text not null unique,
  user_handle text not null,
  name text not null,
  public_key text not null,
  counter bigint not null,
  transports text[] not null,
  backed_up boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  blocked_at timestamptz
);
create index passkeys_by_person on passkeys (person_id);

-- One-time, each kept as its digest.
create table recovery_codes (
  code_hash text primary key,
  person_id text not null references people (id) on delete cascade,
  created_at timestamptz not null,
  used_at timestamptz
);
create index recovery_codes_by_person on recovery_codes (person_id);

-- An office read something that names this person.
create table person_accesses (
  person_id text not null references people (id) on delete cascade,
  viewer text not null,
  office text not null check (office in ('accreditor', 'authority', 'operator')),
  what text not null,
  participant_id text,
  at timestamptz not null
);
create index person_accesses_by_person on person_accesses (person_id, at desc);

-- Both ends of a permission are accounts of the person who gives it (S-199): not even a defect of ours binds somebody else's.
alter table account_links add constraint account_links_of_person unique (id, person_id);
alter table consents
  add constraint consents_source_of_person foreign key (source_link_id, person_id) references account_links (id, person_id),
  add constraint consents_destination_of_person foreign key (destination_link_id, person_id) references account_links (id, person_id),
  add constraint consents_of_person unique (id, person_id);
alter table switches
  add constraint switches_source_of_person foreign key (source_link_id, person_id) references account_links (id, person_id),
  add constraint switches_destination_of_person foreign key (destination_link_id, person_id) references account_links (id, person_id);
alter table transfers
  add constraint transfers_of_person foreign key (consent_id, person_id) references consents (id, person_id);
