-- Several sources chosen at once. The questions belong together, the answers do not.
create table journeys (
  id text primary key,
  person_id text not null references people (id) on delete cascade,
  destination_link_id text not null references account_links (id),
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index journeys_by_person on journeys (person_id, created_at desc);

alter table consents add column journey_id text references journeys (id);
create index consents_by_journey on consents (journey_id) where journey_id is not null;
-- The mandate towards the source and the consent towards the destination, as they were given.
alter table consents add column acts jsonb;
alter table consents drop constraint consents_action_check;
alter table consents add constraint consents_action_check check (action in ('copy', 'erase', 'propose'));
-- A yes that waits for the other holders of the contract.
insert into allowed_moves (machine, from_state, to_state) values ('consent', 'requested', 'suspended');

-- What was done is not done otherwise later.
create function refuse_changed_acts() returns trigger language plpgsql as $$
begin
  if old.acts is not null and new.acts is distinct from old.acts then
    raise exception 'the acts of a consent never change' using errcode = 'RE002';
  end if;
  return new;
end $$;
create trigger consents_acts before update on consents for each row execute function refuse_changed_acts();

alter table account_links add column contract jsonb;
create index account_links_by_contract on account_links (participant_id, (contract ->> 'reference')) where contract is not null;

-- The other holders of the contract that a consent reads from. None of an account that its holder flagged for safety.
create table consent_parties (
  consent_id text not null references consents (id) on delete cascade,
  contract text not null,
  reference text not null,
  rule text not null check (rule in ('any', 'all')),
  state text not null,
  person_id text references people (id) on delete set null,
  at timestamptz not null,
  primary key (consent_id, reference)
);
create index consent_parties_by_contract on consent_parties (contract, reference);
create index consent_parties_by_person on consent_parties (person_id) where person_id is not null;

insert into allowed_moves (machine, from_state, to_state) values
  ('party', 'told', 'removed'), ('party', 'asked', 'approved'), ('party', 'asked', 'removed'),
  ('party', 'approved', 'removed'), ('party', 'removed', 'approved');
create trigger consent_parties_move before update on consent_parties for each row execute function refuse_illegal_move('party');

-- What rests and goes on again does so by the word of people: another holder of the contract.
create or replace function changes_of_moved() returns trigger language plpgsql as $$
begin
  insert into relais.consent_changes (consent_id, earlier, state, at, by, language, because)
  select m.id, b.state, m.state,
    case when m.ended_at is not null then m.ended_at when b.state = 'requested' then m.decided_at else clock_timestamp() end,
    case when m.ended_at is not null then m.ended_by else 'person' end,
    m.language, m.ended_because
  from new_rows m join old_rows b on b.id = m.id where m.state is distinct from b.state;
  return null;
end $$;
