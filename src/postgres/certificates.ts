import type { CertificateClaim, CertificatesReader, CertificatesWriter } from "../core/certificates/claim.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

const CLAIM = [
  "id",
  "platformId",
  "certificate",
  "issuer",
  "date",
  "validUntil",
  "fileName",
  "mediaType",
  "bytes",
  "sha256",
  "state",
  "handedInAt",
  "decidedAt",
] as const satisfies (keyof CertificateClaim)[];

export function readCertificates(db: Database): CertificatesReader {
  const claims = db.selectFrom("certificateClaims").select(CLAIM);
  return {
    get: async (id) => found<CertificateClaim>(await claims.where("id", "=", id).executeTakeFirst(), "certificate"),
    file: async (id) =>
      found(await db.selectFrom("certificateClaims").select("content").where("id", "=", id).executeTakeFirst(), "certificate").content,
    listOf: (platformId, limit) => claims.where("platformId", "=", platformId).orderBy("handedInAt", "desc").limit(limit).execute(),
    waiting: (limit) => claims.where("state", "=", "handed_in").orderBy("handedInAt").limit(limit).execute(),
    readings: (id) => db.selectFrom("certificateReadings").selectAll().where("claimId", "=", id).orderBy("at").execute(),
  };
}

export function writeCertificates(db: Database): CertificatesWriter {
  return {
    add: async (claim, content) => {
      await db
        .insertInto("certificateClaims")
        .values({ ...claim, content: Buffer.from(content) })
        .execute();
    },
    lock: async (id) =>
      found<CertificateClaim>(
        await db.selectFrom("certificateClaims").select(CLAIM).where("id", "=", id).forUpdate().executeTakeFirst(),
        "certificate",
      ),
    addReading: async ({ reasons, ...reading }) => {
      await db
        .insertInto("certificateReadings")
        .values({ ...reading, reasons: json(reasons) })
        .execute();
    },
    decide: async (id, state, at) => {
      await db.updateTable("certificateClaims").set({ state, decidedAt: at }).where("id", "=", id).execute();
    },
  };
}
