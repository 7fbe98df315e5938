-- The platform's own name of the person, as it was signed: the account may be taken away from Relais while the delivery is still told of.
alter table mailbox_deliveries add column subject text;
update mailbox_deliveries d set subject = coalesce(
  (select l.account from transfers t join consents c on c.id = t.consent_id join account_links l on l.id = c.destination_link_id
    where t.id = d.transfer_id and l.removed_at is null),
  (select convert_from(decode(rpad(body, (length(body) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'subject'
    from (select translate(split_part(jws, '.', 2), '-_', '+/') as body from transfer_documents m
      where m.transfer_id = d.transfer_id and m.kind = 'manifest') as signed),
  '');
alter table mailbox_deliveries alter column subject set not null;
