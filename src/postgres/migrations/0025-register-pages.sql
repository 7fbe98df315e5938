-- The public register is read in pages, by name.
create index participants_by_name on participants (name, id);
