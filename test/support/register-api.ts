import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Express } from "express";
import { exportJWK } from "jose";
import { createAuthorization } from "../../src/authorization/authorization.ts";
import { registerClient, type RegisterClient } from "../../src/cli/register-client.ts";
import { newId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Charters } from "../../src/core/register/charter.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { StaffMember } from "../../src/core/register/staff.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createHttpApp } from "../../src/http/server.ts";
import { verifyProof } from "../../src/keys/dpop.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { documentSigner, signCompact } from "../../src/keys/signer.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { listen } from "./authorization-server.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { freshDatabase } from "./database.ts";
import { documentCheck } from "./document-check.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { accreditedParticipant, dataset, testKey, type TestKey } from "./register-fixtures.ts";
import { loopbackFetch } from "./web-fetch.ts";
import { REGISTER_PORTS } from "./charter.ts";

export interface RegisterApi extends AsyncDisposable {
  origin: string;
  store: Store;
  query(text: string): Promise<unknown>;
  /** A registered platform with an organisation, and its own client. */
  platform(
    name: string,
  ): Promise<{ participant: Participant; organisation: string; key: TestKey; keyFile: string; client: RegisterClient }>;
  /** An accredited holder of these data sets, and its own client. */
  holder(name: string, datasets: string[]): Promise<{ participant: Participant; keyFile: string; client: RegisterClient }>;
  /** A client of an office that it is given by this call. */
  staff(office: StaffMember["office"], name: string): Promise<RegisterClient>;
  dismiss(name: string): void;
}

/** The register's API over the real authorization server and a real database. */
export async function startRegisterApi(charters: Charters): Promise<RegisterApi> {
  const owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 10), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-register-")), (folder) => rm(folder, { recursive: true }));
  const web = await openKeyring(join(dir, "keys"), "web");
  const server = owned.adopt(await listen(), (open) => open.close());
  const store = createStore(openDatabase(pool));
  const standings = createStandings(pool);
  const offices = new Map<string, StaffMember>();
  const staff = { findPerson: () => null, findName: (name: string) => offices.get(name) ?? null };
  const issuer = server.origin;
  const authorization = createAuthorization({
    issuer,
    store,
    clock: realClock,
    policy,
    records: createOauthRecords(pool),
    standings,
    staff,
    keys: {
      signing: () => web.current("oauth").privateJwk,
      worker: async () => [],
      published: web.publicKeys,
      secret: web.secret,
      sign: documentSigner(() => web.current("oauth")).signDocument,
    },
    certificates: null,
    statements: { signed: signedStatements, keys: () => web.publicRing("federation") },
    verifyProof,
    report: (error) => console.error(error),
  });
  const app: Express = createHttpApp(
    {
      store,
      clock: realClock,
      policy,
      issuer,
      queue: { ring: async () => undefined },
      callers: authorization.callers,
      standings,
      staff,
      charters,
      verify: (await documentCheck(store, issuer)).verify,
      statements: { signDocument: async (type, payload) => signCompact(web.current("federation"), type, payload) },
      subjectFor: REGISTER_PORTS.subjectFor,
      events: { signDocument: async (type, payload) => signCompact(web.current("oauth"), type, payload) },
      entityConfigurations: createEntityConfigurations({
        clock: realClock,
        fetchOrigin: () => loopbackFetch,
        verify: verifyEntityConfiguration,
      }),
    },
    {
      issuer,
      first: [authorization.endpoints],
      mounted: [authorization.router],
      page: (error) => error.code,
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  server.serve(app);
  const keyFileOf = async (name: string, key: TestKey): Promise<string> => {
    const file = join(dir, `${name}.jwk`);
    await writeFile(file, JSON.stringify(await exportJWK(key.privateKey)));
    return file;
  };
  return {
    origin: issuer,
    store,
    query: (text) => pool.query(text),
    platform: async (name) => {
      const key = await testKey();
      const entityId = `https://${name}.example`;
      const participant = await accreditedParticipant(store, {
        entityId,
        roles: ["platform"],
        status: "registered",
        keys: [key.publicJwk],
      });
      const organisation = newId("organisation");
      await store.write(async (w) => {
        await w.register.revokeMarks(participant.id, new Date());
        await w.cases.addOrganisation({ id: organisation, name, country: "FR", status: "active", createdAt: new Date() });
        await w.cases.attach(participant.id, organisation);
      });
      const keyFile = await keyFileOf(name, key);
      return { participant, organisation, key, keyFile, client: await registerClient({ relais: issuer, clientId: entityId, keyFile }) };
    },
    holder: async (name, datasets) => {
      const key = await testKey();
      const entityId = `https://${name}.example`;
      const given = { entityId, roles: ["holder" as const], keys: [key.publicJwk], datasets: datasets.map(dataset) };
      const participant = await accreditedParticipant(store, given);
      const keyFile = await keyFileOf(name, key);
      return { participant, keyFile, client: await registerClient({ relais: issuer, clientId: entityId, keyFile }) };
    },
    staff: async (office, name) => {
      const key = await testKey();
      offices.set(name, { name, office, person: null, keys: [key.publicJwk] });
      const keyFile = await keyFileOf(name.replaceAll(" ", "-"), key);
      return registerClient({ relais: issuer, clientId: `${issuer}/staff/${encodeURIComponent(name)}`, keyFile });
    },
    dismiss: (name) => void offices.delete(name),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
