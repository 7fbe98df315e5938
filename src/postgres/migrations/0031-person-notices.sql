-- Written in the transaction of a decision: people are to be told of it. One row, however many people there are.
create table announcements (
  decision_id text primary key references decisions (id),
  participant_id text not null references participants (id),
  kind text not null check (kind in ('suspended', 'revoked', 'expired', 'left', 'returned')),
  at timestamptz not null,
  told_at timestamptz
);
create index announcements_waiting on announcements (at) where told_at is null;

-- What each person was told, until they read it. Neither participant nor decision is a foreign key: 100 000 rows are written at once.
create table person_notices (
  person_id text not null references people (id) on delete cascade,
  decision_id text not null,
  participant_id text not null,
  kind text not null,
  at timestamptz not null,
  read_at timestamptz,
  primary key (person_id, decision_id)
);
create index consents_to_tell_destination on consents (destination_id);
create index consents_to_tell_source on consents (source_id);
