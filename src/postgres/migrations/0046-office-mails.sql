-- What is to be mailed to a participant's published contact, or to the operator of this Relais (no participant): that reports of people wait for an
-- answer. It holds nothing about them; what waits is counted when it is sent.
create table office_mails (
  id text primary key default new_mail_id(),
  participant_id text references participants (id) on delete cascade,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  ended_at timestamptz,
  outcome text check (outcome in ('sent', 'refused', 'given_up', 'nothing')),
  last_failure text
);
create index office_mails_due on office_mails (due_at) where ended_at is null;
-- One that nobody tried yet tells of everything that comes meanwhile.
create unique index office_mails_untried on office_mails (coalesce(participant_id, '')) where ended_at is null and attempts = 0;
