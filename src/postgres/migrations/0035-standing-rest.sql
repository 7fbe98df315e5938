-- A decision stops (or lets go on) what runs and a first batch of what waits; the rest follows right after, until this is set.
alter table announcements add column settled_at timestamptz;
create index announcements_unsettled on announcements (at) where settled_at is null;

-- What still runs from or to a participant, however much has ended.
create index transfers_live_to on transfers (destination_id) where ended_at is null;
create index transfers_live_from on transfers (source_id) where ended_at is null;
