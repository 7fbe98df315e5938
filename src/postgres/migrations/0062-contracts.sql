-- What a file took away that older releases use, said by the other file that they would have to know (docs/upgrading.md). Null: it only added.
alter table migrations add column needs text;
