import { createServer, type RequestListener, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express, { Router } from "express";
import { createAuthorization, type Authorization } from "../../src/authorization/authorization.ts";
import { startSession } from "../../src/core/person/sessions.ts";
import type { Session } from "../../src/core/person/person.ts";
import type { Clock, OauthRecords, Store } from "../../src/core/ports.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { answerProblems } from "../../src/http/problems.ts";
import { verifyProof } from "../../src/keys/dpop.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { documentSigner } from "../../src/keys/signer.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { freshDatabase } from "./database.ts";
import { policy } from "./policy.ts";

export const clock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds) => new Promise((resolve) => void setTimeout(resolve, milliseconds)),
};

export interface Listening {
  origin: string;
  server: Server;
  serve(listener: RequestListener): void;
  close(): Promise<void>;
}

/** A server on a free port whose address is known before what it serves is made. */
export async function listen(): Promise<Listening> {
  let listener: RequestListener = (_req, res) => void res.writeHead(503).end();
  const server = createServer((req, res) => listener(req, res));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    serve: (next) => void (listener = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Setup extends AsyncDisposable {
  issuer: string;
  /** A second process over the same database and keys, at its own port, under the same issuer. */
  second: string;
  store: Store;
  records: OauthRecords;
  web: Keyring;
  worker: Keyring;
  authorization: Authorization;
  reports: unknown[];
  /** Routes that a test adds to the first instance. */
  routes: Router;
  /** Who is signed in, as the session middleware would find them. */
  signIn(subject: string): Promise<Session>;
  signOut(): void;
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>;
  /** Lets the time of every record of this model run out. */
  expireRecords(model: string): Promise<void>;
}

/** Two instances of the authorization server over one PostgreSQL database. */
export async function startAuthorization(changed: Partial<Parameters<typeof createAuthorization>[0]> = {}): Promise<Setup> {
  const database = await freshDatabase();
  const dir = await mkdtemp(join(tmpdir(), "relais-authorization-"));
  const pools = [openPool(database.url), openPool(database.url)] as const;
  const store = createStore(openDatabase(pools[0]));
  const [web, worker] = await Promise.all([openKeyring(dir, "web"), openKeyring(dir, "worker")]);
  const [first, second] = await Promise.all([listen(), listen()]);
  const present: { session: Session | null } = { session: null };
  const reports: unknown[] = [];
  const routes = Router();
  const keys = {
    signing: () => web.current("oauth").privateJwk as Record<string, unknown>,
    worker: () => web.publicRing("worker"),
    published: web.publicKeys,
    secret: web.secret,
    sign: documentSigner(() => web.current("oauth")).signDocument,
  };
  const instances = pools.map((pool) =>
    createAuthorization({
      issuer: first.origin,
      store: createStore(openDatabase(pool)),
      clock,
      policy,
      records: createOauthRecords(pool),
      standings: createStandings(pool),
      staff: NOBODY,
      keys,
      certificates: null,
      statements: { signed: signedStatements, keys: () => web.publicRing("federation") },
      verifyProof,
      report: (error) => void reports.push(error),
      ...changed,
    }),
  );
  [first, second].forEach((server, index) =>
    server.serve(appOf({ authorization: instances[index] as Authorization, routes, issuer: first.origin }, present)),
  );
  return {
    issuer: first.origin,
    second: second.origin,
    store,
    records: createOauthRecords(pools[0]),
    web,
    worker,
    authorization: instances[0] as Authorization,
    reports,
    routes,
    signIn: async (subject) =>
      (present.session = (await startSession({ store, clock }, { issuer: "https://idp.example", subject, displayName: subject })).session),
    query: (text) => pools[0].query(text) as Promise<{ rows: Record<string, unknown>[] }>,
    expireRecords: async (model) =>
      void (await pools[0].query("update relais.oauth_records set expires_at = now() where model = $1", [model])),
    signOut: () => void (present.session = null),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([first.close(), second.close()]);
      await Promise.all(pools.map((pool) => pool.end()));
      await database[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

interface AppParts {
  authorization: Authorization;
  routes: Router;
  issuer: string;
}

function appOf({ authorization, routes, issuer }: AppParts, present: { session: Session | null }): RequestListener {
  const app = express();
  app.use((_req, res, next) => {
    res.locals.session = present.session;
    next();
  });
  app.use(authorization.endpoints, authorization.router, routes);
  app.use(answerProblems({ issuer, log: () => undefined, page: ({ code, message }) => `${code}: ${message}` }));
  return app;
}
