import { sql } from "kysely";
import type { PartiesReader, PartiesWriter, Party } from "../core/consent/parties.ts";
import type { LinkId } from "../core/ids.ts";
import type { Database } from "./pool.ts";

export function readParties(db: Database): PartiesReader {
  return {
    of: (consentId) => db.selectFrom("consentParties").selectAll().where("consentId", "=", consentId).orderBy("reference").execute(),
    shared: async (personId) => {
      // The owner's account is looked at now: what its holder flags for safety later is hidden from then on, too.
      const { rows } = await sql<Party & { linkId: LinkId | null }>`
        select p.*, own.id as link_id
        from consent_parties p
        join consents c on c.id = p.consent_id and c.person_id <> ${personId}
        join account_links theirs on theirs.id = c.source_link_id and not coalesce((theirs.contract ->> 'safety')::boolean, false)
        left join account_links own on own.person_id = ${personId} and own.removed_at is null and own.participant_id = c.source_id
          and own.contract ->> 'reference' = p.contract and own.contract ->> 'party' = p.reference
        where own.id is not null or p.person_id = ${personId}
        order by c.created_at desc, p.consent_id`.execute(db);
      const ids = rows.map(({ consentId }) => consentId);
      const consents = ids.length === 0 ? [] : await db.selectFrom("consents").selectAll().where("id", "in", ids).execute();
      const byId = new Map(consents.map((consent) => [consent.id, consent]));
      return rows.flatMap(({ linkId, ...party }) => {
        const consent = byId.get(party.consentId);
        return consent ? [{ consent, party, linkId }] : [];
      });
    },
    unwilling: async (personId, contract) => {
      const { rows } = await sql<{ reference: string }>`
        select reference from (
          select distinct on (p.reference) p.reference, p.state
          from consent_parties p join consents c on c.id = p.consent_id
          where c.person_id = ${personId} and p.contract = ${contract} and p.person_id is not null
          order by p.reference, p.at desc) latest
        where state = 'removed'`.execute(db);
      return rows.map(({ reference }) => reference);
    },
  };
}

export function writeParties(db: Database): PartiesWriter {
  return {
    add: async (parties) =>
      void (await db
        .insertInto("consentParties")
        .values([...parties])
        .execute()),
    lock: async (consentId) => void (await db.selectFrom("consents").select("id").where("id", "=", consentId).forUpdate().execute()),
    move: async ({ consentId, reference }, from, change) => {
      const moved = await db
        .updateTable("consentParties")
        .set(change)
        .where("consentId", "=", consentId)
        .where("reference", "=", reference)
        .where("state", "in", [...from])
        .executeTakeFirst();
      return moved.numUpdatedRows === 1n;
    },
  };
}
