-- Packages that wait to be fetched by platforms without an address (docs/mailbox.md). Their bytes are sealed, and lie in files.
alter table participants drop constraint participants_adapter_check;
alter table participants add constraint participants_adapter_check check (adapter in ('self-data', 'solid', 'webdav', 'mailbox'));

create table mailbox_deliveries (
  transfer_id text primary key references transfers (id) on delete cascade,
  platform_id text not null references participants (id),
  created_at timestamptz not null,
  offered_at timestamptz,
  expires_at timestamptz,
  receipt text,
  closed_at timestamptz,
  -- Of its packages.
  bytes bigint not null default 0
);
create index mailbox_deliveries_by_platform on mailbox_deliveries (platform_id, transfer_id);
create index mailbox_deliveries_open on mailbox_deliveries (expires_at) where closed_at is null;

create table mailbox_packages (
  id text collate "C" primary key,
  transfer_id text not null references mailbox_deliveries (transfer_id) on delete cascade,
  dataset text collate "C" not null,
  key text collate "C" not null,
  media_type text not null,
  bytes bigint not null,
  sha256 text not null,
  kept_at timestamptz not null,
  fetched_at timestamptz,
  unique (transfer_id, dataset, key)
);
