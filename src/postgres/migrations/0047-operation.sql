-- What is given up, and waits for an operator who looks at it: a few rows of very many.
create index transfers_failed on transfers (ended_at) where state = 'failed';
create index notices_given_up on notices (given_up_at) where given_up_at is not null and acknowledged_at is null;
