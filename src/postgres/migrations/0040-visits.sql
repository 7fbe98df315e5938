-- When a person last came, and the time before: who stays away is reminded of what they allow. Kept by the database with each session, whoever begins it.
create table person_visits (
  person_id text primary key references people (id) on delete cascade,
  at timestamptz not null,
  previous_at timestamptz
);
insert into person_visits (person_id, at) select person_id, max(created_at) from sessions group by person_id;

create function note_visit() returns trigger language plpgsql as $$
begin
  insert into relais.person_visits as known (person_id, at) values (new.person_id, new.created_at)
  on conflict (person_id) do update set previous_at = known.at, at = excluded.at where excluded.at > known.at;
  return null;
end $$;
create trigger sessions_visit after insert on sessions for each row execute function note_visit();

-- That a person was reminded of a permission: whoever tells them (mail) writes it here.
create table consent_reminders (
  consent_id text not null references consents (id) on delete cascade,
  at timestamptz not null,
  primary key (consent_id, at)
);
