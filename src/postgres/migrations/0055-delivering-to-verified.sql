-- In the compact form one request carries everything and is answered by the receipt: what was delivered and what came of it are one step.
insert into allowed_moves (machine, from_state, to_state) values ('transfer', 'delivering', 'verified'), ('transfer', 'delivering', 'partial');
