-- One table of moves for every state machine: a move that is not listed is refused by the database, whoever asks.
create table allowed_moves (
  machine text not null,
  from_state text not null,
  to_state text not null,
  primary key (machine, from_state, to_state)
);

create function refuse_illegal_move() returns trigger language plpgsql as $$
begin
  if new.state is distinct from old.state and not exists (
    select 1 from relais.allowed_moves
    where machine = tg_argv[0] and from_state = old.state and to_state = new.state
  ) then
    raise exception '% may not move from % to %', tg_argv[0], old.state, new.state using errcode = 'RE001';
  end if;
  return new;
end $$;

insert into allowed_moves (machine, from_state, to_state) values
  ('consent', 'requested', 'active'), ('consent', 'requested', 'refused'), ('consent', 'requested', 'expired'),
  ('consent', 'active', 'suspended'), ('consent', 'active', 'withdrawn'), ('consent', 'active', 'revoked'),
  ('consent', 'active', 'expired'), ('consent', 'active', 'superseded'),
  ('consent', 'suspended', 'active'), ('consent', 'suspended', 'withdrawn'), ('consent', 'suspended', 'revoked'), ('consent', 'suspended', 'expired'),
  ('switch', 'planned', 'copying'), ('switch', 'planned', 'abandoned'),
  ('switch', 'copying', 'verified'), ('switch', 'copying', 'incomplete'), ('switch', 'copying', 'abandoned'),
  ('switch', 'incomplete', 'copying'), ('switch', 'incomplete', 'abandoned'),
  ('switch', 'verified', 'closing'), ('switch', 'closing', 'closed'), ('switch', 'closing', 'verified'),
  ('transfer', 'scheduled', 'queued'), ('transfer', 'scheduled', 'paused'), ('transfer', 'scheduled', 'cancelled'), ('transfer', 'scheduled', 'expired'), ('transfer', 'scheduled', 'failed'),
  ('transfer', 'queued', 'fetching'), ('transfer', 'queued', 'paused'), ('transfer', 'queued', 'cancelled'), ('transfer', 'queued', 'expired'), ('transfer', 'queued', 'failed'),
  ('transfer', 'fetching', 'delivering'), ('transfer', 'fetching', 'paused'), ('transfer', 'fetching', 'cancelled'), ('transfer', 'fetching', 'expired'), ('transfer', 'fetching', 'failed'),
  ('transfer', 'delivering', 'delivered'), ('transfer', 'delivering', 'paused'), ('transfer', 'delivering', 'cancelled'), ('transfer', 'delivering', 'expired'), ('transfer', 'delivering', 'failed'),
  ('transfer', 'delivered', 'received'), ('transfer', 'delivered', 'paused'), ('transfer', 'delivered', 'cancelled'), ('transfer', 'delivered', 'expired'), ('transfer', 'delivered', 'failed'),
  ('transfer', 'received', 'verified'), ('transfer', 'received', 'partial'), ('transfer', 'received', 'failed'),
  ('transfer', 'paused', 'queued'), ('transfer', 'paused', 'cancelled'), ('transfer', 'paused', 'expired'), ('transfer', 'paused', 'failed');

create table consents (
  id text primary key,
  person_id text not null references people (id),
  state text not null,
  source_id text not null references participants (id),
  destination_id text not null references participants (id),
  source_link_id text not null references account_links (id),
  destination_link_id text not null references account_links (id),
  switch_id text,
  action text not null check (action in ('copy', 'erase')),
  datasets text[] not null,
  notice jsonb not null,
  notice_hash text not null,
  language text not null check (language in ('fr', 'en')),
  requester_id text references participants (id),
  created_at timestamptz not null,
  decided_at timestamptz,
  ended_at timestamptz,
  ended_by text,
  expires_at timestamptz not null
);
create index consents_by_person on consents (person_id, created_at desc);
create index consents_to_expire on consents (expires_at) where state in ('active', 'suspended', 'requested');
create trigger consents_move before update on consents for each row execute function refuse_illegal_move('consent');

-- What was consented is what was shown: neither changes afterwards.
create function refuse_changed_notice() returns trigger language plpgsql as $$
begin
  if new.notice is distinct from old.notice or new.notice_hash <> old.notice_hash
     or (old.state <> 'requested' and new.datasets is distinct from old.datasets) then
    raise exception 'the notice of a consent never changes' using errcode = 'RE002';
  end if;
  return new;
end $$;
create trigger consents_notice before update on consents for each row execute function refuse_changed_notice();
