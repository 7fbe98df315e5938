-- When the person last proved who they are, which a session at a provider may have been long before; null where nobody knows.
alter table sessions add column authenticated_at timestamptz;
