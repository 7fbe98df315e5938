-- Accounts that were opened in the last hour: when, and a keyed digest of the network that it was from; null where that says nothing.
create table account_openings (
  mark text,
  at timestamptz not null
);
create index account_openings_at on account_openings (at);
