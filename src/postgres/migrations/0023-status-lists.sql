-- Each mark has a place of its own in the status list; what the list says of it is computed from the tables, so that it flips with them.
alter table trust_marks add column status_index integer unique check (status_index >= 0);
