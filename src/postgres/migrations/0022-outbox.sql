-- What participants are told, until they acknowledge it.
create table notices (
  id text primary key,
  recipient_id text not null references participants (id),
  about_id text not null references participants (id),
  type text not null,
  details jsonb not null,
  created_at timestamptz not null,
  due_at timestamptz not null,
  attempts integer not null default 0,
  acknowledged_at timestamptz,
  given_up_at timestamptz,
  last_failure text
);
create index notices_due on notices (due_at) where acknowledged_at is null and given_up_at is null;
create index notices_about on notices (about_id, created_at desc);
