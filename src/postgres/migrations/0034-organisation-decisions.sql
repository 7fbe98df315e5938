-- What an accreditor wants the applicant to do; published with a refusal or a request for changes.
alter table reviews add column remedy jsonb;

-- A decision about an organisation that waits for a second accreditor.
create table organisation_proposals (
  organisation_id text not null references organisations (id),
  kind text not null check (kind in ('suspend', 'reinstate', 'revoke')),
  proposer text not null,
  reasons jsonb not null,
  remedy jsonb,
  at timestamptz not null,
  primary key (organisation_id, kind)
);
