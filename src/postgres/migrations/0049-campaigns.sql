-- Deliveries under many permissions that a participant or the operator asked for at once.
create table campaigns (
  id text primary key,
  -- Null where the operator asked.
  participant_id text references participants (id),
  -- Which permissions: ids, or what they have in common. Nobody's name.
  selection jsonb not null,
  state text not null,
  created_at timestamptz not null,
  -- How many permissions it is for, once they were looked up; each of them is accepted, refused, or still to come.
  total integer,
  accepted integer not null default 0,
  refused jsonb not null default '{}',
  ended_at timestamptz
);
create index campaigns_by_participant on campaigns (participant_id, created_at desc);
create index campaigns_open on campaigns (created_at) where ended_at is null;
insert into allowed_moves (machine, from_state, to_state) values
  ('campaign', 'asked', 'accepting'), ('campaign', 'asked', 'cancelled'),
  ('campaign', 'accepting', 'accepted'), ('campaign', 'accepting', 'cancelled');
create trigger campaigns_move before update on campaigns for each row execute function refuse_illegal_move('campaign');

-- What is still to come: a row goes with the transaction that answers it.
create table campaign_consents (
  campaign_id text not null references campaigns (id) on delete cascade,
  consent_id text not null references consents (id) on delete cascade,
  terms text not null,
  primary key (campaign_id, consent_id)
);
create index campaign_consents_of on campaign_consents (consent_id);
