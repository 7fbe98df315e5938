-- Digest of the name of the grant that whoever asked for a consent was handed for it. A consent is the ground of one grant: what was given and
-- never handed over is found by the next request of the same content; what was handed over never is.
alter table consents add column grant_digest text;

-- What was given before this was written down counts as handed over: by the grant that names it, where one is kept.
update consents c set grant_digest = coalesce(
  (select g.id from oauth_records g where g.model = 'Grant' and g.payload #>> '{rar,0,consent}' = c.id limit 1), 'before ' || c.id)
where requester_id is not null and decided_at is not null and state <> 'refused';

create function refuse_second_grant() returns trigger language plpgsql as $$
begin
  if old.grant_digest is not null and new.grant_digest is distinct from old.grant_digest then
    raise exception 'a consent has one grant' using errcode = 'RE002';
  end if;
  return new;
end $$;
create trigger consents_grant before update on consents for each row execute function refuse_second_grant();
