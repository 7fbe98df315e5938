-- A consent that changes or renews another one. The other one stays as it was given, and ends in the transaction of the yes.
alter table consents add column supersedes text references consents (id);
create index consents_by_superseded on consents (supersedes, created_at desc) where supersedes is not null;
-- What was given is replaced once, however many answers come at the same time: only a consent that was given has data sets.
create unique index consents_one_successor on consents (supersedes) where supersedes is not null and cardinality(datasets) > 0;

create function refuse_changed_succession() returns trigger language plpgsql as $$
begin
  if new.supersedes is distinct from old.supersedes then
    raise exception 'what a consent replaces never changes' using errcode = 'RE002';
  end if;
  return new;
end $$;
create trigger consents_succession before update on consents for each row execute function refuse_changed_succession();

-- A proposal that a newer one replaces, and a permission that rests while it is changed.
insert into allowed_moves (machine, from_state, to_state) values
  ('consent', 'requested', 'superseded'), ('consent', 'suspended', 'superseded');
