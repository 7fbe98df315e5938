-- The public log: an append-only list of entries. The index is given in the transaction of what is logged, without a gap.
create table log_entries (
  index bigint primary key check (index >= 0),
  leaf bytea not null check (octet_length(leaf) <= 65535)
);

-- The hash of each complete subtree of 2^level entries, written when its last entry is (RFC 6962); level 0 are the entries. About two rows for
-- each entry. A tile is a range of this table, a root or a proof some twenty rows of it, however long the log is.
create table log_hashes (
  level smallint not null check (level between 0 and 62),
  index bigint not null check (index >= 0),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (level, index)
);

-- Every checkpoint that was ever signed: one root for each size, for ever. A new key signs the same root again.
create table log_checkpoints (
  size bigint primary key check (size >= 0),
  root bytea not null check (octet_length(root) = 32),
  key text not null,
  note text not null
);

create function refuse_changed_log() returns trigger language plpgsql as $$
begin
  raise exception 'the public log only grows' using errcode = 'RE002';
end $$;
create trigger log_entries_stay before update or delete or truncate on log_entries for each statement execute function refuse_changed_log();
create trigger log_hashes_stay before update or delete or truncate on log_hashes for each statement execute function refuse_changed_log();
create trigger log_checkpoints_stay before delete or truncate on log_checkpoints for each statement execute function refuse_changed_log();

create function refuse_changed_root() returns trigger language plpgsql as $$
begin
  if new.size <> old.size or new.root <> old.root then
    raise exception 'a signed root never changes' using errcode = 'RE002';
  end if;
  return new;
end $$;
create trigger log_checkpoints_root before update on log_checkpoints for each row execute function refuse_changed_root();
