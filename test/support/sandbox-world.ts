import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { selfData } from "../../adapters/self-data/index.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { newId, type LinkId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import type { RunPorts } from "../../src/core/transfer/run-ports.ts";
import { runTransfer, type RunResult } from "../../src/core/transfer/run-transfer.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import { createVerifier, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { accountsByPersona, pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import type { Library } from "../../src/sandbox/export/library.ts";
import { type Holder, startHolder } from "../../src/sandbox/holder/holder.ts";
import { type Platform, startPlatform } from "../../src/sandbox/platform/platform.ts";
import { freshDatabase } from "./database.ts";
import { inDays } from "./engine.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { linkAccount, markFor } from "./register-fixtures.ts";
import { startTinyRelais, type TinyRelais } from "./tiny-relais.ts";

/** A persona who has proved both accounts. */
export interface Resident {
  personId: PersonId;
  customer: string;
  space: string;
  from: LinkId;
  to: LinkId;
  cookie: string;
}

/** The energy holder and Ancre of the sandbox, the real protocol, and the engine on a real database: nothing between them is made up. */
export interface SandboxWorld extends AsyncDisposable {
  relais: TinyRelais;
  energy: Holder;
  ancre: Platform;
  /** As the register has the energy holder. */
  holder: Participant;
  store: Store;
  pool: pg.Pool;
  ports: RunPorts & { queue: { ring(): Promise<void> } };
  resident(persona: string): Promise<Resident>;
  recurring(person: Resident, datasets: string[], recurrence?: string | null): Promise<Consent>;
  run(id: TransferId): Promise<RunResult>;
  /** Requests that reached a program since this was asked last: method and path, without the names of transfers. */
  requestsAt(who: "energy" | "ancre"): string[];
}

/** `library`: what the holder has instead of its personas' data. */
export async function startSandboxWorld(seed: string, library?: Library): Promise<SandboxWorld> {
  await using owned = new AsyncDisposableStack();
  const relais = owned.use(await startTinyRelais());
  const dataDir = owned.adopt(await mkdtemp(join(tmpdir(), "sandbox-world-")), (folder) => rm(folder, { recursive: true }));
  const shared = { dataDir, seed, relais: relais.issuer, host: "127.0.0.1", port: 0 };
  const energy = owned.use(await startHolder({ ...shared, holder: "energy", ...(library ? { library } : {}) }));
  const ancre = owned.use(await startPlatform(shared));
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  const store = createStore(openDatabase(pool));
  const network = owned.use(networkFor({ allowLoopback: true }));
  const configurations = createEntityConfigurations({
    clock: realClock,
    fetchOrigin: network.fetchOrigin,
    verify: verifyEntityConfiguration,
  });
  const register = async (entityId: string): Promise<Participant> => {
    const read = participantFrom(await configurations.fetch(entityId));
    const participant: Participant = { ...read, id: newId("participant"), status: "accredited" };
    await store.write(async (w) => {
      await w.register.put(participant);
      await w.register.addMark(markFor(participant.id));
    });
    return participant;
  };
  const [holder, platform] = [await register(energy.entityId), await register(ancre.entityId)];
  const { proof: dpopProof } = await newProofKey();
  const ports: SandboxWorld["ports"] = {
    store,
    records: createAttemptRecords(owned.adopt(openPreparedPool(database.url, 2), (open) => open.end())),
    clock: realClock,
    policy,
    issuer: relais.issuer,
    adapters: { "self-data": selfData, solid: selfData, webdav: selfData, mailbox: selfData },
    queue: { ring: async () => undefined },
    signer: { signDocument: async (type, payload) => relais.sign(type, payload), signRequest: relais.signRequest },
    verifier: createVerifier(),
    opener: { open: async () => ({ kind: "none" }) },
    network,
    tokens: {
      open: async ({ sourceLinkId, datasets, action }, { entityId }) => {
        const { account } = await store.read((r) => r.people.getLink(sourceLinkId));
        return {
          consentHeaders: await relais.consentHeaders({ aud: entityId, account, datasets, actions: [action] }),
          dpopProof,
        };
      },
    },
  };
  const kept = owned.move();
  return {
    relais,
    energy,
    ancre,
    holder,
    store,
    pool,
    ports,
    resident: (persona) => residentOf({ store, seed, ancre, holder, platform }, persona),
    recurring: (person, datasets, recurrence = "P1D") => allowed(ports, person, datasets, recurrence),
    run: (id) => run(ports, pool, id),
    requestsAt: requestsOf({ energy: join(dataDir, "energy", "ledger.jsonl"), ancre: ancre.ledgerFile }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Places {
  store: Store;
  seed: string;
  ancre: Platform;
  holder: Participant;
  platform: Participant;
}

async function residentOf({ store, seed, ancre, holder, platform }: Places, id: string): Promise<Resident> {
  const accounts = accountsByPersona(seed);
  const place = accounts.findIndex(({ persona }) => persona.id === id);
  const { persona, email, password } = accounts[place] as (typeof accounts)[number];
  const personId = newId("person");
  await store.write((w) => w.accounts.signIn({ id: personId, issuer: "https://id.test", subject: personId, createdAt: new Date() }));
  const customer = persona.customers.energy as string;
  const space = pseudonymousAccounts(seed, "ancre")[place]?.id as string;
  const [from, to] = [await linkAccount(store, personId, holder.id, customer), await linkAccount(store, personId, platform.id, space)];
  const entered = await fetch(`${ancre.url}/enter`, { method: "POST", body: new URLSearchParams({ email, password }), redirect: "manual" });
  const cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] as string;
  return { personId, customer, space, from: from.id, to: to.id, cookie };
}

/** Asked for and given. */
export async function allowed(
  ports: Pick<SandboxWorld["ports"], "store" | "clock" | "policy">,
  person: Pick<Resident, "personId" | "from" | "to">,
  datasets: string[],
  recurrence: string | null,
): Promise<Consent> {
  const { id, noticeHash } = await requestConsent(ports, {
    personId: person.personId,
    sourceLinkId: person.from,
    destinationLinkId: person.to,
    action: "copy",
    datasets,
    purpose: "https://w3id.org/dpv#RightsFulfilment",
    recurrence,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
  return grantConsent(ports, { consentId: id, personId: person.personId, datasets, noticeHash, language: "fr" });
}

/** What the sweep does when the time has come. */
async function run(ports: RunPorts, pool: pg.Pool, id: TransferId): Promise<RunResult> {
  await pool.query("update relais.transfers set due_at = now() - interval '1 second' where id = $1", [id]);
  const { epoch } = await ports.store.read((r) => r.transfers.get(id));
  const terms = { leaseSeconds: 30, limits: { maxItemBytes: 1 << 30, maxItems: 10_000 }, shutdown: new AbortController().signal };
  return runTransfer(ports, { transferId: id, epoch }, terms);
}

function requestsOf(files: Record<"energy" | "ancre", string>): SandboxWorld["requestsAt"] {
  const seen = { energy: 0, ancre: 0 };
  return (who) => {
    const lines = readFileSync(files[who], "utf8").trim().split("\n");
    const fresh = lines.slice(seen[who]).map((line) => JSON.parse(line) as { event: string; method: string; path: string });
    seen[who] = lines.length;
    return fresh
      .filter(({ event, path }) => event === "request" && !path.startsWith("/.well-known/"))
      .map(({ method, path }) => `${method} ${path.replace(/trf_[^/]+/, "{transfer}")}`);
  };
}
