import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Express } from "express";
import { ADAPTERS } from "../../adapters/index.ts";
import { createAuthorization } from "../../src/authorization/authorization.ts";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { PersonId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Charters } from "../../src/core/register/charter.ts";
import type { StaffMember } from "../../src/core/register/staff.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { createLog } from "../../src/http/log.ts";
import { createHttpApp } from "../../src/http/server.ts";
import { clientKey } from "../../src/keys/client-key.ts";
import { verifyProof } from "../../src/keys/dpop.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { openLogKey } from "../../src/keys/log-key.ts";
import { createSealer } from "../../src/keys/sealer.ts";
import { documentSigner, signCompact } from "../../src/keys/signer.ts";
import { signedStatements, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { createPages } from "../../src/pages/pages.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { createSignin } from "../../src/signin/signin.ts";
import { listen } from "./authorization-server.ts";
import { documentCheck } from "./document-check.ts";
import { freshDatabase } from "./database.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { REGISTER_PORTS } from "./charter.ts";

export const UPSTREAM = "http://127.0.0.1:9";

export interface WholeApp extends AsyncDisposable {
  origin: string;
  store: Store;
  app: Express;
  /** Everybody with an office; read at each request. */
  staff: Map<string, StaffMember>;
  /** Signs somebody in: the cookie of their browser. */
  signIn(subject: string): Promise<{ personId: PersonId; cookie: string }>;
  query(text: string): Promise<unknown>;
}

/** Everything that a Relais serves in the role `web`, as `main.ts` mounts it, over a real database; nobody to sign in at. */
export async function startWholeApp(charters: Charters): Promise<WholeApp> {
  const owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 10), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-whole-")), (folder) => rm(folder, { recursive: true }));
  const web = await openKeyring(join(dir, "keys"), "web");
  const server = owned.adopt(await listen(), (open) => open.close());
  const network = owned.use(networkFor({ allowLoopback: true }));
  const store = createStore(openDatabase(pool));
  const standings = createStandings(pool);
  const issuer = server.origin;
  const members = new Map<string, StaffMember>();
  const staff = {
    findName: (name: string) => members.get(name) ?? null,
    findPerson: (from: string, subject: string) =>
      [...members.values()].find(({ person }) => person?.issuer === from && person.subject === subject) ?? null,
  };
  const records = createOauthRecords(pool);
  const entityConfigurations = createEntityConfigurations({
    clock: realClock,
    fetchOrigin: network.fetchOrigin,
    verify: verifyEntityConfiguration,
  });
  const sign = async (type: string, payload: object) => signCompact(web.current("federation"), type, payload);
  const ports = {
    store,
    clock: realClock,
    policy,
    issuer,
    queue: { ring: async () => undefined },
    charters,
    entityConfigurations,
    statements: { signDocument: sign },
    verify: (await documentCheck(store, issuer)).verify,
  };
  const authorization = createAuthorization({
    ...ports,
    records,
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
  const federation = createFederation({
    ...ports,
    charterVersions: () => charters.list().map(({ version }) => version),
    signed: signedStatements,
    keys: () => web.publicRing("federation"),
    sign,
  });
  const signin = createSignin({
    ...ports,
    upstreams: [{ id: "default", name: null, least: null, issuer: UPSTREAM, clientId: issuer }],
    passkeys: true,
    newcomers: { mostPerHour: 1000, networkMark: () => null },
    records,
    network,
    decryptionKeys: async () => [],
    clientKey: () => clientKey(web.current("signin")),
    fetchOrigin: network.fetchOrigin,
    allowLoopback: true,
  });
  const pages = createPages({ ...ports, sealer: createSealer(web), network, adapters: ADAPTERS, operator: null, staff });
  const log = createLog({ store, key: await openLogKey(join(dir, "keys"), originOf(issuer)) });
  const app = createHttpApp(
    {
      ...ports,
      staff,
      callers: authorization.callers,
      standings,
      subjectFor: REGISTER_PORTS.subjectFor,
      events: { signDocument: async (type, payload) => signCompact(web.current("oauth"), type, payload) },
    },
    {
      issuer,
      first: [authorization.endpoints],
      mounted: [authorization.router, federation, log, signin, pages],
      page: (error) => error.code,
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  server.serve(app);
  return {
    origin: issuer,
    store,
    app,
    staff: members,
    query: (text) => pool.query(text),
    signIn: async (subject) => {
      const { token, session } = await startSession({ store, clock: realClock }, { issuer: UPSTREAM, subject, displayName: subject });
      return { personId: session.personId, cookie: `${SESSION_COOKIE}=${token}` };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
