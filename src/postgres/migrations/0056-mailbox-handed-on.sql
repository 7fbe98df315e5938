-- What was handed on of a package, from its beginning: who has all but the last byte has the content.
alter table mailbox_packages add column begun_at timestamptz, add column handed_bytes bigint not null default 0;
update mailbox_packages set begun_at = fetched_at, handed_bytes = bytes where fetched_at is not null;
