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
alter table people add column last_sign_in_at timestamptz, add column previous_sign_in_at timestamptz;
update people p set last_sign_in_at = coalesce((select max(created_at) from sessions s where s.person_id = p.id), p.created_at);

-- In which browsers somebody signed in: another one is told.
create table person_browsers (
  person_id text not null references people (id) on delete cascade,
  browser text not null,
  since timestamptz not null,
  primary key (person_id, browser)
);
insert into person_browsers select person_id, browser, min(created_at) from sessions group by person_id, browser;

-- What is mailed is written in the transaction of what is told, by the database itself, so that nobody who changes something can forget it; for
-- people who have an address only.
create function mail_person(whom text, what text, about text, occasion text) returns void language sql as $$
  insert into relais.mails (person_id, kind, about, occasion)
  select whom, what, about, occasion where exists (select from relais.mail_recipients a where a.person_id = whom)
  on conflict (person_id, kind, occasion) do nothing
$$;

create function mail_sign_in() returns trigger language plpgsql as $$
declare
  is_first boolean := not exists (select from relais.person_browsers b where b.person_id = new.person_id);
begin
  update relais.people set previous_sign_in_at = last_sign_in_at, last_sign_in_at = new.created_at where id = new.person_id;
  insert into relais.person_browsers values (new.person_id, new.browser, new.created_at) on conflict do nothing;
  if found and not is_first then
    perform relais.mail_person(new.person_id, 'new-browser', new.browser, new.id);
  end if;
  return null;
end $$;
create trigger sessions_mailed after insert on sessions for each row execute function mail_sign_in();

create function mail_passkey() returns trigger language plpgsql as $$
begin
  perform relais.mail_person(new.person_id, 'passkey-added', new.id, new.id);
  return null;
end $$;
create trigger passkeys_mailed after insert on passkeys for each row execute function mail_passkey();

create function mail_recovery() returns trigger language plpgsql as $$
begin
  perform relais.mail_person(new.person_id, 'recovery-used', new.person_id, to_char(new.used_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'));
  return null;
end $$;
create trigger recovery_codes_mailed after update on recovery_codes for each row when (old.used_at is null and new.used_at is not null)
  execute function mail_recovery();

create function mail_switch() returns trigger language plpgsql as $$
begin
  perform relais.mail_person(new.person_id, case new.state when 'closing' then 'switch-closing' else 'switch-begun' end, new.id, new.id || ' ' || new.epoch);
  return null;
end $$;
create trigger switches_mailed after update on switches for each row
  when (new.state = 'closing' and old.state = 'verified' or new.state = 'copying' and old.state = 'planned') execute function mail_switch();

-- Thousands may change at once: one statement for all of them. Which changes are told is the core's to say (core/person/mail-content.ts).
create function mail_consents() returns trigger language plpgsql as $$
begin
  insert into relais.mails (person_id, kind, about, occasion, lane)
  select c.person_id, 'consent', n.consent_id, n.id, case when n.by = 'person' then 0 else 1 end
  from new_rows n join relais.consents c on c.id = n.consent_id join relais.mail_recipients a on a.person_id = c.person_id
  where n.earlier is not null
  on conflict (person_id, kind, occasion) do nothing;
  return null;
end $$;
create trigger consent_changes_mailed after insert on consent_changes referencing new table as new_rows
  for each statement execute function mail_consents();
