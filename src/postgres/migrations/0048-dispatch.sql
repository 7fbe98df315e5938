-- A person who waits comes first (0); scheduled work (10) takes what is left.
alter table transfers add column priority smallint not null default 0 check (priority between 0 and 100);

-- Due work by lane: who sends, who receives, how urgent. The states are those of `transfers_due`.
create index transfers_lanes on transfers (source_id, destination_id, priority, due_at)
  where state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received');

-- What was rung for, until its attempt is over: as many rows as run, and as are rung and not started. `epoch` and `attempts` are the transfer's when it rang.
create table dispatches (
  transfer_id text not null references transfers (id) on delete cascade,
  epoch integer not null,
  attempts integer not null,
  source_id text not null,
  destination_id text not null,
  person_id text not null,
  rung_at timestamptz not null,
  -- When it was seen to have started: never before it did.
  started_at timestamptz,
  primary key (transfer_id, epoch)
);

-- Attempts begun, of the participants that state how many they take in an hour.
create table dispatch_minutes (
  participant_id text not null references participants (id),
  minute timestamptz not null,
  starts integer not null,
  primary key (participant_id, minute)
);

-- What a participant takes, in its own terms. Null: it does not say.
create table participant_capacities (
  participant_id text primary key references participants (id),
  per_second integer check (per_second > 0),
  per_hour integer check (per_hour > 0),
  concurrent integer check (concurrent > 0),
  hours jsonb,
  set_by text not null check (set_by in ('participant', 'operator')),
  changed_at timestamptz not null
);

-- Nothing of a data set (or of all, '*') starts. One each: a participant does not lift what the operator paused.
create table dispatch_pauses (
  participant_id text not null references participants (id),
  dataset text not null,
  by text not null check (by in ('participant', 'operator')),
  reason text not null,
  since timestamptz not null,
  primary key (participant_id, dataset, by)
);

-- What the workers of all processes saw of a participant.
create table participant_health (
  participant_id text primary key references participants (id),
  failures integer not null,
  trips integer not null,
  opened_until timestamptz,
  resting_until timestamptz,
  answered_at timestamptz
);

-- The processes that carry transfers, and how many each carries at once.
create table workers (
  id text primary key,
  slots integer not null check (slots > 0),
  seen_at timestamptz not null
);
