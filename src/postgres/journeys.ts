import type { JourneysReader, JourneysWriter } from "../core/consent/journey.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

export function readJourneys(db: Database): JourneysReader {
  return {
    get: async (id) => found(await db.selectFrom("journeys").selectAll().where("id", "=", id).executeTakeFirst(), "journey"),
    consents: (id) => db.selectFrom("consents").selectAll().where("journeyId", "=", id).orderBy("createdAt").orderBy("id").execute(),
    list: (personId) => db.selectFrom("journeys").selectAll().where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
  };
}

export function writeJourneys(db: Database): JourneysWriter {
  return {
    add: async (journey) => void (await db.insertInto("journeys").values(journey).execute()),
  };
}
