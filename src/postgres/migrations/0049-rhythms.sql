-- A person who waits comes before what comes by itself (0 and 10).
alter table transfers add column if not exists priority smallint not null default 0;

-- Which period of a recurring permission this delivery serves; null where somebody asked for it. Each period is served once, whoever tries.
-- The same index finds the transfers of a consent, so that it takes the place of the one before.
alter table transfers add column period integer check (period > 0);
alter table transfers add constraint transfers_period unique (consent_id, period);
drop index transfers_by_consent;

-- A transfer's person and ends are those of its consent: one reference that says so, in the place of five that each said a part and cost a look each.
alter table consents add constraint consents_ends unique (id, person_id, source_id, destination_id);
alter table transfers
  add constraint transfers_of_consent foreign key (consent_id, person_id, source_id, destination_id) references consents (id, person_id, source_id, destination_id),
  drop constraint transfers_of_person,
  drop constraint transfers_consent_id_fkey,
  drop constraint transfers_person_id_fkey,
  drop constraint transfers_source_id_fkey,
  drop constraint transfers_destination_id_fkey;
alter table consents drop constraint consents_of_person;

-- When a recurring permission delivers next. Period n begins at anchor + n * every: months are of the calendar, counted from the anchor, so that the
-- 31st comes back after February.
create table rhythms (
  consent_id text primary key references consents (id) on delete cascade,
  every interval not null check (every >= interval '1 day'),
  -- When the person said yes, and the permission's own share of a quarter of a period, a day at most: what was given at one moment is not due at one moment.
  anchor timestamptz not null,
  -- The first period that is not served, and when it is due.
  period integer not null check (period > 0),
  due_at timestamptz not null,
  -- Digest of what the destination published when the person said yes. It never changes, like the notice that it is from.
  terms text not null
);
create index rhythms_due on rhythms (due_at, consent_id);

-- The duration between two deliveries; null where the text is none, or where it is shorter than a day: then nothing comes by itself.
create function rhythm_of(recurrence text) returns interval language plpgsql stable as $$
declare
  every interval;
begin
  every := recurrence::interval;
  return case when every >= interval '1 day' then every end;
exception when others then
  return null;
end $$;

create function anchor_of(consent_id text, decided_at timestamptz, every interval) returns timestamptz language sql stable as $$
  select date_trunc('milliseconds',
    decided_at + least(every / 4, interval '1 day') * ((hashtextextended(consent_id, 49) & 4294967295)::double precision / 4294967296))
$$;

-- The last period that has begun. A month is guessed to have thirty days, and put right.
create function period_at(anchor timestamptz, every interval, at timestamptz) returns integer language plpgsql stable as $$
declare
  n integer := greatest(0, floor(extract(epoch from at - anchor) / extract(epoch from every)));
begin
  while anchor + (n + 1) * every <= at loop
    n := n + 1;
  end loop;
  while n > 0 and anchor + n * every > at loop
    n := n - 1;
  end loop;
  return n;
end $$;

-- Whoever moves a consent: its rhythm begins with it, rests with it and ends with it.
create function rhythms_follow() returns trigger language plpgsql as $$
begin
  insert into relais.rhythms (consent_id, every, anchor, period, due_at, terms)
  select m.id, r.every, a.anchor, 1, a.anchor + r.every, md5((m.notice -> 'destination')::text)
  from new_rows m join old_rows b on b.id = m.id
  cross join lateral (select relais.rhythm_of(m.notice ->> 'recurrence') as every) r
  cross join lateral (select relais.anchor_of(m.id, m.decided_at, r.every) as anchor) a
  where m.state = 'active' and b.state <> 'active' and m.action = 'copy' and r.every is not null and m.decided_at is not null
  on conflict (consent_id) do nothing;
  delete from relais.rhythms where consent_id in (
    select m.id from new_rows m join old_rows b on b.id = m.id where m.ended_at is not null and b.ended_at is null);
  return null;
end $$;
create trigger consents_rhythms after update on consents referencing old table as old_rows new table as new_rows
  for each statement execute function rhythms_follow();

-- What was given before this version begins with its next period: nothing of the past is made up for.
insert into rhythms (consent_id, every, anchor, period, due_at, terms)
select c.id, r.every, a.anchor, p.period, a.anchor + p.period * r.every, md5((c.notice -> 'destination')::text)
from consents c
cross join lateral (select rhythm_of(c.notice ->> 'recurrence') as every) r
cross join lateral (select anchor_of(c.id, c.decided_at, r.every) as anchor) a
cross join lateral (select period_at(a.anchor, r.every, now()) + 1 as period) p
where c.state in ('active', 'suspended') and c.action = 'copy' and r.every is not null and c.decided_at is not null;
