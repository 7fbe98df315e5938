-- Keys of an entity's statements apart from those of its documents and its client (OpenID Federation 1.0 §3.1).
-- Until its next configuration is read, an entity that is known already keeps the set in which both were together.
alter table participants add column federation_keys jsonb not null default '[]';
update participants set federation_keys = keys where adapter = 'self-data';
-- Who can be part of a chain, for lists of thousands.
create index participants_subordinate on participants (entity_id)
  where jsonb_array_length(federation_keys) > 0 and status not in ('suspended', 'revoked');
create index trust_marks_in_force on trust_marks (type, participant_id) where revoked_at is null;

-- The last configuration of each entity that was accepted, and how reading it went the last time.
create table entity_configurations (
  participant_id text primary key references participants (id),
  -- Null while none was accepted since there are these records.
  jwt text,
  expires_at timestamptz,
  checked_at timestamptz,
  next_at timestamptz not null,
  failures integer not null default 0,
  outcome text not null check (outcome in ('waiting', 'accepted', 'unreachable', 'refused', 'keys_unconfirmed')),
  -- What was wrong, for the participant and the operator; never anything the other side wrote.
  says text
);
create index entity_configurations_due on entity_configurations (next_at);
