-- Attempts to write to unproved addresses are counted by marks alone: by the address, and by who asked. Nobody can read either from a mark, and they
-- outlive an account for a day: nobody is flooded by accounts that come and go.
alter table mail_attempts drop column person_id;
