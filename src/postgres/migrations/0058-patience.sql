-- A transfer's own time is that of its permission; the patience with ends that do not answer begins with the first attempt.
update transfers t set expires_at = c.expires_at from consents c where c.id = t.consent_id and t.ended_at is null and t.attempts = 0;
create index transfers_overdue on transfers (expires_at) where ended_at is null;

-- Attempts that failed in a row, and how much had moved at the last of them: more than that begins the row anew. `attempts` only grows.
alter table transfers add column failures integer not null default 0, add column moved integer not null default 0;
