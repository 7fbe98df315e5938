-- Within a lane, what is of the same data sets: where one of them is paused, the others are found without reading what waits for it.
create index transfers_kinds on transfers (source_id, destination_id, priority, hash_array_extended(datasets, 0), due_at)
  where state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received');
