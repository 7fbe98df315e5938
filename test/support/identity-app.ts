import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Router } from "express";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import type { WaysIn } from "../../src/core/person/ways-in.ts";
import type { Store } from "../../src/core/ports.ts";
import type { StaffMember } from "../../src/core/register/staff.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { answerKeys, clientKey } from "../../src/keys/client-key.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { createAddressSealer, createMarks } from "../../src/keys/mail-addresses.ts";
import { createSealer } from "../../src/keys/sealer.ts";
import { networkOf } from "../../src/net/addresses.ts";
import { networkFor } from "../../src/net/network.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { relyingPartyId } from "../../src/signin/relying-party.ts";
import type { Upstream } from "../../src/signin/providers.ts";
import { createSignin } from "../../src/signin/signin.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { REGISTER_PORTS } from "./charter.ts";
import { freshDatabase } from "./database.ts";
import { policy } from "./policy.ts";
import { freePort } from "./ports.ts";
import { realClock } from "./real-clock.ts";
import { NO_STANDINGS } from "./no-standings.ts";

export interface IdentityApp extends AsyncDisposable {
  /** With the name `localhost`, for which browsers make passkeys. */
  origin: string;
  /** A second process over the same database. */
  second: string;
  store: Store;
  staff: Map<string, StaffMember>;
  keyring: Keyring;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

interface Options {
  /** Host of the public address. */
  host?: string;
  upstreams?: readonly Upstream[];
  /** Told of each refusal and each answer, as the role `web` tells its log. */
  log?: Logger;
  mostPerHour?: number;
  /** Chosen before, where a provider has to know the public address. */
  port?: number;
}

/** Sign-in and the portal, as `web` mounts them behind the guards of the server, twice over one real database. */
export async function startIdentityApp({
  host = "localhost",
  upstreams = [],
  log,
  mostPerHour = 1000,
  port: chosen,
}: Options = {}): Promise<IdentityApp> {
  const owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 20), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-identity-")), (folder) => rm(folder, { recursive: true }));
  // Addresses are sealed to what a worker published.
  await openKeyring(join(dir, "keys"), "worker");
  const keyring = await openKeyring(join(dir, "keys"), "web");
  const network = owned.use(networkFor({ allowLoopback: true }));
  const store = createStore(openDatabase(pool));
  const members = new Map<string, StaffMember>();
  const [port, other] = [chosen ?? (await freePort()), await freePort()];
  const issuer = `http://${host}:${port}`;
  const ways: WaysIn = {
    providers: upstreams.map(({ id, name, issuer: from }) => ({ id, name, issuer: from })),
    passkeys: relyingPartyId(issuer) === null ? "address" : "on",
  };
  const refuse = async () => {
    throw new RelaisError("unauthenticated", "Nobody calls here.");
  };
  const ports = {
    ...REGISTER_PORTS,
    store,
    clock: realClock,
    policy,
    issuer,
    queue: { ring: async () => undefined },
    standings: NO_STANDINGS,
    callers: { verify: refuse, verifyRegister: refuse },
    staff: {
      findName: (name: string) => members.get(name) ?? null,
      findPerson: (from: string, subject: string) =>
        [...members.values()].find(({ person }) => person?.issuer === from && person.subject === subject) ?? null,
    },
  };
  const mark = createMarks(keyring, "networks of newcomers");
  const published = Router().get("/.well-known/jwks.json", async (_req, res) => void res.json({ keys: await keyring.publicKeys() }));
  for (const at of [port, other]) {
    const signin = createSignin({
      ...ports,
      upstreams,
      passkeys: true,
      newcomers: { mostPerHour, networkMark: (address) => networkOf(address) && mark(address) },
      records: createOauthRecords(pool),
      network,
      decryptionKeys: () => answerKeys(keyring),
      clientKey: () => clientKey(keyring.current("signin")),
      fetchOrigin: network.fetchOrigin,
      allowLoopback: true,
    });
    const mail = createAddressSealer(keyring);
    const pages = createPages({ ...ports, sealer: createSealer(keyring), network, adapters: ADAPTERS, operator: null, ways, mail });
    const app = createHttpApp(ports, {
      issuer,
      proxies: ["127.0.0.1"],
      mounted: [published, signin, pages],
      page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
      log: ({ supportId, status, error }) => log?.info("request refused", { requestId: supportId, status, error }),
      onAnswer: (entry) => log?.debug("request", entry),
    });
    owned.use<Listening>(await listen(app, { host: "127.0.0.1", port: at }));
  }
  return {
    origin: issuer,
    second: `http://${host}:${other}`,
    store,
    staff: members,
    keyring,
    query: async (text, values = []) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
