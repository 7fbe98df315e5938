-- A receipt that came and was compared is written down in one step: the timeline has both lines, and the row goes on at once.
insert into allowed_moves (machine, from_state, to_state) values ('transfer', 'delivered', 'verified'), ('transfer', 'delivered', 'partial');
