-- What waits for each platform is counted where it changes, whatever changes it (erasing a person, too): a sum over hundreds of thousands of
-- deliveries at each package would be read under the lock of all that add to it.
create table mailbox_platforms (
  platform_id text primary key references participants (id) on delete cascade,
  bytes bigint not null default 0
);
insert into mailbox_platforms select platform_id, sum(bytes) from mailbox_deliveries where closed_at is null group by platform_id;

create function count_what_waits() returns trigger language plpgsql as $$
begin
  insert into mailbox_platforms (platform_id, bytes)
  values (coalesce(new.platform_id, old.platform_id), coalesce(new.bytes, 0) - coalesce(old.bytes, 0))
  on conflict (platform_id) do update set bytes = mailbox_platforms.bytes + excluded.bytes;
  return null;
end $$;
create trigger mailbox_deliveries_changed after update on mailbox_deliveries
  for each row when (new.bytes is distinct from old.bytes) execute function count_what_waits();
create trigger mailbox_deliveries_forgotten after delete on mailbox_deliveries
  for each row when (old.bytes > 0) execute function count_what_waits();

alter table mailbox_deliveries add column packages integer not null default 0;
update mailbox_deliveries d set packages = (select count(*) from mailbox_packages p where p.transfer_id = d.transfer_id) where closed_at is null;
create index mailbox_deliveries_unclosed on mailbox_deliveries (transfer_id) where closed_at is null;
create index mailbox_deliveries_waiting on mailbox_deliveries (platform_id, transfer_id)
  where offered_at is not null and receipt is null and closed_at is null;
create index mailbox_packages_by_transfer on mailbox_packages (transfer_id, id);
