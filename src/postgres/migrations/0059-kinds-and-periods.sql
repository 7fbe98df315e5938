-- Within a lane, what is of the same data sets: where one of them is paused, the others are found without reading what waits for it.
create index transfers_kinds on transfers (source_id, destination_id, priority, hash_array_extended(datasets, 0), due_at)
  where state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received');

-- The duration between two deliveries as the person was told, however short; null where the text is none.
create function recurrence_of(recurrence text) returns interval language plpgsql stable as $$
declare
  every interval;
begin
  every := recurrence::interval;
  return case when every > interval '0' then every end;
exception when others then
  return null;
end $$;

-- Whom a campaign is for is of no use once they were looked up.
update campaigns set selection = '{"consents": []}' where state <> 'asked' and selection ? 'consents';
