-- What the authorization server remembers: grants, codes, tokens, pushed requests, proofs seen. Ids are digests: a copy of the table opens nothing.
create table oauth_records (
  model text not null,
  id text not null,
  payload jsonb not null,
  grant_id text,
  uid text,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (model, id)
);
create index oauth_records_by_grant on oauth_records (grant_id) where grant_id is not null;
create index oauth_records_by_uid on oauth_records (model, uid) where uid is not null;
create index oauth_records_to_expire on oauth_records (expires_at);
