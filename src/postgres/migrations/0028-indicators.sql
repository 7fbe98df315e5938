-- What the public page of a participant counts (core/register/indicators.ts): a few rows of one participant in a window of days.
create index probe_runs_of_participant on probe_runs (participant_id, ended_at);
create index transfers_ended_at_destination on transfers (destination_id, ended_at) where ended_at is not null;
create index transfers_ended_at_source on transfers (source_id, ended_at) where ended_at is not null;
create index notices_told on notices (recipient_id, created_at);
