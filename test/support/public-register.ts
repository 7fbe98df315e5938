import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import type { Ports } from "../../src/core/ports.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { createHttpApp } from "../../src/http/server.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { createPages } from "../../src/pages/pages.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { listen } from "./authorization-server.ts";
import { PLAIN, REGISTER_PORTS } from "./charter.ts";
import { fillCountry } from "./country.ts";
import { freshDatabase } from "./database.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { testKey, type TestKey } from "./register-fixtures.ts";
import { NO_STANDINGS } from "./no-standings.ts";

export interface PublicRegister extends AsyncDisposable {
  origin: string;
  store: Ports["store"];
  pool: pg.Pool;
  keys: Keyring;
  /** Of every participant of the country. */
  participantKey: TestKey;
  /** Time goes on by so much for everything that is served here. */
  later(milliseconds: number): void;
  /** How often something was signed. */
  signed: { count: number };
}

/** What of Relais anybody may read, pages, API and federation, over a real database that can be as large as a country. */
export async function startPublicRegister(country: { count: number; configured: number }): Promise<PublicRegister> {
  const owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 10), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-public-")), (folder) => rm(folder, { recursive: true }));
  const keys = await openKeyring(join(dir, "keys"), "web");
  const server = owned.adopt(await listen(), (open) => open.close());
  const issuer = server.origin;
  const participantKey = await testKey();
  if (country.count > 0) await fillCountry(pool, { ...country, issuer, key: participantKey });
  const store = createStore(openDatabase(pool));
  const signed = { count: 0 };
  let shift = 0;
  const clock = { ...realClock, now: () => new Date(Date.now() + shift) };
  const sign = async (type: string, payload: object): Promise<string> => {
    signed.count += 1;
    return signCompact(keys.current("federation"), type, payload);
  };
  const statements = { signDocument: sign, keyId: () => keys.current("federation").kid };
  const entityConfigurations = { fetch: nobody };
  const ports = {
    store,
    clock,
    issuer,
    policy,
    charters: PLAIN,
    statements,
    entityConfigurations,
    verify: nobody,
    staff: NOBODY,
    operator: null,
  };
  const pages = createPages({
    ...ports,
    queue: { ring: nobody },
    sealer: { seal: nobody, ephemeralProofs: never },
    network: { fetchFor: never },
    adapters: {} as Ports["adapters"],
  });
  const federation = createFederation({
    ...ports,
    charterVersions: () => ["2026-11"],
    signed: signedStatements,
    keys: () => keys.publicRing("federation"),
    sign,
  });
  const app = createHttpApp(
    {
      ...ports,
      queue: { ring: nobody },
      standings: NO_STANDINGS,
      callers: { verify: nobody, verifyRegister: nobody },
      subjectFor: REGISTER_PORTS.subjectFor,
      events: { signDocument: nobody },
    },
    { issuer, mounted: [federation, pages], page: (error) => error.code, log: () => undefined, onAnswer: () => undefined },
  );
  server.serve(app);
  return {
    origin: issuer,
    store,
    pool,
    keys,
    participantKey,
    signed,
    later: (milliseconds) => void (shift += milliseconds),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function nobody(): Promise<never> {
  return never();
}
function never(): never {
  throw new RelaisError("unsupported", "Nothing of this is read in public.");
}
