-- What a participant publishes and what does not count yet.
alter table entity_configurations
  -- `iat` of the accepted configuration: an older one never replaces it.
  add column issued_at timestamptz,
  -- Where it wants to be spoken to, and in which roles, until a look at it has passed.
  add column candidate jsonb,
  -- Keys that it signs with and that nobody confirmed.
  add column strange_keys jsonb;
create index entity_configurations_in_question on entity_configurations (checked_at)
  where candidate is not null or strange_keys is not null;

-- The candidate that a look was at, by its digest; null where it was at what is in force.
alter table probe_runs add column candidate text;

-- Keys that one accreditor confirmed, until a second one confirms the same.
create table key_confirmations (
  participant_id text primary key references participants (id),
  thumbprints text[] not null,
  confirmer text not null,
  at timestamptz not null
);
