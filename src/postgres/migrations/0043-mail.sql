-- Where people are written to. The address itself is sealed to the worker; the hint lets its owner know it again.
create table mail_addresses (
  id text primary key,
  person_id text not null references people (id) on delete cascade,
  sealed text not null,
  hint text not null,
  language text not null check (language in ('fr', 'en')),
  given_at timestamptz not null,
  proved_at timestamptz,
  unreachable_at timestamptz,
  reminders_off_at timestamptz,
  -- Another one was proved: kept only until it has been told so.
  replaced_at timestamptz
);
create unique index mail_addresses_in_use on mail_addresses (person_id) where proved_at is not null and replaced_at is null;
create unique index mail_addresses_to_prove on mail_addresses (person_id) where proved_at is null;

-- How often mail was asked for to addresses that nobody proved yet: which they are cannot be read from the mark. Kept for a day, also where who
-- asked is deleted, so that nobody is flooded by accounts that come and go.
create table mail_attempts (
  mark text not null,
  person_id text references people (id) on delete set null,
  at timestamptz not null
);
create index mail_attempts_to on mail_attempts (mark, at);
create index mail_attempts_by on mail_attempts (person_id, at);

-- What is to be mailed: whom, and by our ids of what. Neither an address nor a text: both are looked up when it is sent.
create table mails (
  id text primary key,
  person_id text not null references people (id) on delete cascade,
  kind text not null,
  -- The id of what it tells, and what makes it the only mail of its kind.
  about text not null,
  occasion text not null,
  -- Null: to the address in use when it is sent.
  address_id text references mail_addresses (id) on delete cascade,
  -- 0: somebody waits for it. 1: one of many.
  lane smallint not null default 0,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  ended_at timestamptz,
  outcome text check (outcome in ('sent', 'refused', 'given_up', 'nothing')),
  last_failure text,
  unique (person_id, kind, occasion)
);
create index mails_due on mails (lane, due_at) where ended_at is null;
create index mails_about on mails (about) where ended_at is null;

-- Links in mails: what was sent is the token, what is kept is its digest. They end with the address that they were sent to.
create table mail_links (
  token_hash text primary key,
  mail_id text not null references mails (id) on delete cascade,
  person_id text not null references people (id) on delete cascade,
  address_id text not null references mail_addresses (id) on delete cascade,
  purpose text not null check (purpose in ('prove', 'permission', 'unsubscribe')),
  about text not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index mail_links_of on mail_links (mail_id);
create index mail_links_to on mail_links (address_id);
create index mail_links_by_person on mail_links (person_id);

-- 22 characters of base62, as every id (core/ids.ts).
create function new_mail_id() returns text language sql volatile as $$
  select 'mal_' || left(translate(encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '+/=', ''), 22)
$$;
alter table mails alter column id set default new_mail_id();

-- Who can be written to now.
create view mail_recipients as
  select person_id, id as address_id, language, reminders_off_at from mail_addresses
  where proved_at is not null and replaced_at is null and unreachable_at is null;

-- Sessions end and go; when somebody last signed in is what a reminder goes by.
alter table people add column last_sign_in_at timestamptz;
update people p set last_sign_in_at = coalesce((select max(created_at) from sessions s where s.person_id = p.id), p.created_at);

create function note_sign_in() returns trigger language plpgsql as $$
begin
  update relais.people set last_sign_in_at = new.created_at where id = new.person_id;
  return null;
end $$;
create trigger sessions_noted after insert on sessions for each row execute function note_sign_in();
