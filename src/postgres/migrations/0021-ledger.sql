-- The public log: an append-only list of entries. The index is given in the transaction of what is logged, without a gap.
create table log_entries (
  index bigint primary key check (index >= 0),
  leaf bytea not null,
  leaf_hash bytea not null
);
