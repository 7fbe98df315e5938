-- What a request with an Idempotency-Key was answered, until the key's time is over (draft-ietf-httpapi-idempotency-key-header). Written in the
-- transaction of what was accepted: there is never the one without the other.
create table given_answers (
  caller text not null,
  key text not null,
  -- Of method, path and body.
  fingerprint text not null,
  status smallint not null,
  location text,
  body text not null,
  -- The permission that the answer is about; null where it is about many.
  consent_id text,
  expires_at timestamptz not null,
  primary key (caller, key)
);
create index given_answers_to_forget on given_answers (expires_at);
create index given_answers_of_consent on given_answers (consent_id) where consent_id is not null;
