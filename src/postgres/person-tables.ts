/** A table in which rows are about one person. */
export interface PersonTable {
  table: string;
  /** Which rows of it, as SQL over the alias `t`; `$person` is the person's id. */
  where: string;
  /** Columns that open something, or that are a digest of what does: the person is not shown them. */
  hidden?: readonly string[];
  /** The row is not theirs alone: it stays without the person, whose name the database takes out with them (`on delete set null`). */
  stays?: true;
}

const OF_TRANSFER = "t.transfer_id in (select id from relais.transfers where person_id = $person)";
const OF_PERSON = "t.person_id = $person";
const OF_CONSENT = "t.consent_id in (select id from relais.consents where person_id = $person)";

/**
 * Everything that Relais holds on a person, and the only list of it: the export shows these rows, the deletion erases them, last table first.
 * A test goes through the database and fails where a table that leads to a person is missing here.
 */
// oxfmt-ignore
export const PERSON_TABLES: readonly PersonTable[] = [
  { table: "people",             where: "t.id = $person" },
  { table: "sessions",           where: OF_PERSON, hidden: ["token_hash", "logout_hint"] },
  { table: "passkeys",           where: OF_PERSON },
  { table: "recovery_codes",     where: OF_PERSON, hidden: ["code_hash"] },
  { table: "memberships",        where: OF_PERSON },
  { table: "person_notices",     where: OF_PERSON },
  { table: "person_accesses",    where: OF_PERSON },
  { table: "person_browsers",    where: OF_PERSON },
  { table: "mail_addresses",     where: OF_PERSON, hidden: ["sealed"] },
  { table: "mails",              where: OF_PERSON },
  { table: "mail_links",         where: OF_PERSON, hidden: ["token_hash"] },
  { table: "account_links",      where: OF_PERSON, hidden: ["sealed_credentials"] },
  { table: "journeys",           where: OF_PERSON },
  { table: "consents",           where: OF_PERSON },
  { table: "consent_changes",    where: OF_CONSENT },
  { table: "ends_read",          where: OF_CONSENT },
  { table: "problem_reports",    where: OF_CONSENT },
  // Who else holds a contract is not told by us; of somebody else's permission, only that this person has a say in it.
  { table: "consent_parties",    where: OF_CONSENT, hidden: ["person_id"] },
  { table: "consent_parties",    where: `${OF_PERSON} and not (${OF_CONSENT})`, hidden: ["consent_id", "contract"], stays: true },
  { table: "notices",            where: OF_CONSENT },
  { table: "rhythms",            where: OF_CONSENT },
  { table: "campaign_consents",  where: OF_CONSENT },
  { table: "given_answers",      where: OF_CONSENT },
  { table: "switches",           where: OF_PERSON },
  { table: "transfers",          where: OF_PERSON },
  { table: "transfer_keys",      where: OF_TRANSFER },
  { table: "transfer_events",    where: OF_TRANSFER },
  { table: "transfer_expected",  where: OF_TRANSFER },
  { table: "transfer_items",     where: OF_TRANSFER },
  { table: "transfer_item_counts", where: OF_TRANSFER },
  { table: "transfer_documents", where: OF_TRANSFER },
  { table: "transfer_positions", where: OF_TRANSFER },
  { table: "transfer_deletions", where: OF_TRANSFER },
  { table: "delivery_positions", where: OF_CONSENT },
  { table: "dispatches",         where: OF_TRANSFER },
  { table: "mailbox_deliveries", where: OF_TRANSFER },
  // Their files have nobody's name any more, and are cleared away (core/mailbox).
  { table: "mailbox_packages",   where: OF_TRANSFER },
  // Grants, codes, tokens and sign-ins under way. What they are is told, and not what is in them.
  { table: "oauth_records",      where: "position($person in t.payload::text) > 0 or exists (select from relais.consents c where c.person_id = $person and position(c.id in t.payload::text) > 0)",
    hidden: ["id", "payload", "grant_id", "uid"] },
];
