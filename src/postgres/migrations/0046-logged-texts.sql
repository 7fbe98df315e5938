-- Where the public log tells that a text was published: a person who holds its hash can look there whether it is the published one. `log_index` is
-- null only within the transaction that appends.
create table logged_texts (
  version integer not null,
  language text not null,
  log_index bigint,
  primary key (version, language),
  foreign key (version, language) references notice_texts (version, language)
);
