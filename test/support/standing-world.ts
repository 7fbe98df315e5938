import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { exportJWK } from "jose";
import { registerClient, type RegisterClient } from "../../src/cli/register-client.ts";
import { newId, type TransferId } from "../../src/core/ids.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant, TrustMark } from "../../src/core/register/participant.ts";
import { sweepAccreditations } from "../../src/core/register/sweep-accreditations.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { openCharters } from "../../src/policies/charters.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import { dataSetsOf } from "../../src/sandbox/personas/holdings.ts";
import { ANCRE } from "../../src/sandbox/platform/personas.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { askAboutToken } from "./ask-about-token.ts";
import { REASONS } from "./charter.ts";
import { DAILY, readLedger, startFaultWorld, type FaultWorld, type LedgerEntry } from "./fault-relais.ts";
import { realClock } from "./real-clock.ts";
import { testKey } from "./register-fixtures.ts";
import { abreast } from "../bench/measure.ts";

/** A participant with what it wrote down itself of every request that reached it. */
export interface Witnessed {
  participant: Participant;
  mark: TrustMark;
  ledger(): Promise<LedgerEntry[]>;
  /** Its own key, as the client that asks about tokens. */
  keys: string;
}

export interface Stream {
  source: Witnessed;
  destination: Witnessed;
  transfers: Transfer[];
}

/**
 * Many transfers between participants of the sandbox kind, at platforms that take 200 ms to say that an item is stored: Relais in a process of
 * its own (web, worker, and the sweeper with every round of the register), decisions by its API, and every participant's own word of what
 * reached it.
 */
export interface StandingWorld extends AsyncDisposable {
  world: FaultWorld;
  energy: Witnessed;
  telecom: Witnessed;
  platform(name: string, accounts: string[]): Promise<Witnessed>;
  /** One transfer for each account, each of a person of its own; they begin when the sweep finds them. */
  stream(source: Witnessed, destination: Witnessed, accounts: string[]): Promise<Stream>;
  /** By as many accreditors as it takes, over the API. Resolves with the time when the last answer was there: the decision is committed. */
  decide(kind: "suspend" | "reinstate" | "revoke", participant: Participant): Promise<number>;
  /** Its accreditation ends by the sweep of somebody whose clock is ahead. */
  expire(participant: Participant): Promise<number>;
  /** What the source learns about a token of this transfer, asked anew each time. */
  token(stream: Stream): Promise<() => Promise<boolean>>;
  states(stream: Stream): Promise<Map<string, number>>;
}

const TELECOM_DATASET = dataSetsOf("telecom")[0]?.id as string;
const CHARTERS = openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url)));
const ACCREDITORS = ["Accreditor A", "Accreditor B"];

export function accountsOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, "0")}`);
}

/** Each transfer is of so many items, each filled up by so many characters. */
export async function startStandingWorld(size: { items: number; filling?: number; atOnce: number }): Promise<StandingWorld> {
  const { items, filling = 0, atOnce } = size;
  await using early = new AsyncDisposableStack();
  const world = early.use(await startFaultWorld({ customers: { many: { [DAILY]: { numbered: items, filling } } } }));
  const offices = await startWithOffices(world, atOnce);
  const web = await openKeyring(join(world.dir, "relais", "keys"), "web");
  const statements = { signDocument: async (type: string, payload: object) => signCompact(web.current("federation"), type, payload) };
  const ports = { store: world.store, clock: realClock, issuer: world.url, charters: CHARTERS, statements };
  const witnessed = async (participant: Participant, folder: string): Promise<Witnessed> => ({
    participant,
    mark: await accreditParticipant(ports, { participantId: participant.id, level: 1, reasons: REASONS }),
    ledger: () => readLedger(join(folder, "ledger.jsonl")),
    keys: join(folder, "keys"),
  });
  const shared = { dataDir: join(world.dir, "near"), seed: "standing", relais: world.url, host: "127.0.0.1", port: 0 };
  const extra = { many: { [TELECOM_DATASET]: numberedItems(items, filling) } };
  const telecom = early.use(await startHolder({ ...shared, holder: "telecom", extra }));
  const owned = early.move();
  return {
    world,
    energy: await witnessed(world.energy, join(world.dir, "sandbox", "energy")),
    telecom: await witnessed(await world.register(telecom.entityId), join(shared.dataDir, "telecom")),
    platform: async (name, accounts) => {
      // Item by item: so that there is something to be seen between two of them.
      const persona = { ...ANCRE, name, folder: name.toLowerCase(), takesCompactForm: false };
      const { entityId } = owned.use(await startPlatform({ ...shared, persona, faults: ["is-slow"], extra: accounts }));
      return witnessed(await world.register(entityId), join(shared.dataDir, persona.folder));
    },
    stream: (source, destination, accounts) => startStream(world, { source, destination }, accounts),
    decide: (kind, participant) => decide(offices, kind, participant),
    expire: (participant) => expire(world, participant),
    token: (stream) => askAboutLast(world, stream),
    states: (stream) => statesOf(world, stream),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Tokens last five minutes: each decision asks for its own. */
async function startWithOffices(world: FaultWorld, atOnce: number): Promise<(() => Promise<RegisterClient>)[]> {
  const offices = await Promise.all(ACCREDITORS.map(async (name) => ({ name, key: await testKey() })));
  const staff = offices.map(({ name, key }) => ({ name, office: "accreditor", keys: [key.publicJwk] }));
  await writeFile(join(world.dir, "staff.json"), JSON.stringify(staff));
  await world.start("web,worker,sweeper", {
    RELAIS_STAFF_FILE: join(world.dir, "staff.json"),
    RELAIS_WORKER_CONCURRENCY: String(atOnce),
    RELAIS_LEASE_SECONDS: "30",
  });
  return Promise.all(
    offices.map(async ({ name, key }, index) => {
      const keyFile = join(world.dir, `office-${index}.jwk`);
      await writeFile(keyFile, JSON.stringify(await exportJWK(key.privateKey)));
      return () => registerClient({ relais: world.url, clientId: `${world.url}/staff/${encodeURIComponent(name)}`, keyFile });
    }),
  );
}

async function startStream(world: FaultWorld, ends: Pick<Stream, "source" | "destination">, accounts: string[]): Promise<Stream> {
  const [source, destination] = [ends.source.participant, ends.destination.participant];
  const datasets = [source.id === world.energy.id ? DAILY : TELECOM_DATASET];
  const asked = await eightAtOnce(accounts, async (destinationAccount) => {
    const person = await world.person({ source, destination, sourceAccount: "many", destinationAccount });
    return { person, consent: await person.consent(datasets) };
  });
  // All in one go: they wait in the queue together.
  return { ...ends, transfers: await eightAtOnce(asked, ({ person, consent }) => person.transfer(consent)) };
}

async function eightAtOnce<A, B>(all: A[], work: (one: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  await abreast(all.length, 8, async (index) => void (results[index] = await work(all[index] as A)));
  return results;
}

async function decide(
  offices: (() => Promise<RegisterClient>)[],
  kind: "suspend" | "reinstate" | "revoke",
  { id }: Participant,
): Promise<number> {
  for (const office of offices) {
    const client = await office();
    const { decision } = await client.send<{ decision: object | null }>("POST", `/v1/participants/${id}/standing`, {
      kind,
      reasons: REASONS,
    });
    if (decision !== null) return Date.now();
  }
  throw new Error(`two accreditors did not ${kind}`);
}

const AHEAD_MILLISECONDS = 600_000;

async function expire({ store }: FaultWorld, { id, name }: Participant): Promise<number> {
  const at = new Date();
  const organisation = { id: newId("organisation"), name, country: "FR", status: "active", createdAt: at } as const;
  const given = {
    answers: {},
    submittedAnswers: {},
    round: 1,
    createdAt: at,
    submittedAt: at,
    changedAt: at,
    level: 1,
    state: "accredited",
  } as const;
  await store.write(async (w) => {
    await w.cases.addOrganisation(organisation);
    await w.cases.attach(id, organisation.id);
    await w.cases.addApplication({
      ...given,
      id: newId("application"),
      participantId: id,
      organisationId: organisation.id,
      charterVersion: CHARTERS.current(at).version,
      until: new Date(at.getTime() + AHEAD_MILLISECONDS / 2),
    });
  });
  const clock = { ...realClock, now: () => new Date(Date.now() + AHEAD_MILLISECONDS) };
  const ended = await sweepAccreditations({ store, clock, charters: CHARTERS }, { recheckHours: 10_000 });
  if (ended !== 1) throw new Error(`${ended} accreditations ended`);
  return Date.now();
}

async function askAboutLast(world: FaultWorld, { source, transfers }: Stream): Promise<() => Promise<boolean>> {
  return askAboutToken(world, source, await world.store.read((r) => r.consents.get((transfers.at(-1) as Transfer).consentId)));
}

async function statesOf({ store }: FaultWorld, { transfers }: Stream): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { id } of transfers) {
    const { state } = await store.read((r) => r.transfers.get(id));
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return counts;
}

/** Requests of Relais that move data, and whose they are. A platform is asked by the transfer, a source by the item. */
export function movements(ledger: LedgerEntry[]): (LedgerEntry & { begunAt: string })[] {
  return ledger.filter(
    (entry): entry is LedgerEntry & { begunAt: string } =>
      entry.event === "request" && entry.begunAt !== undefined && /^\/(inbox|export)\//.test(entry.path ?? ""),
  );
}

export function transferOf({ path = "" }: LedgerEntry): TransferId | null {
  return (/^\/inbox\/transfers\/(trf_\w+)/.exec(path)?.[1] ?? null) as TransferId | null;
}

/** Transfers that this platform is being sent now. */
export async function running(platform: Witnessed, withinMilliseconds = 1500): Promise<Set<TransferId>> {
  const since = Date.now() - withinMilliseconds;
  const recent = movements(await platform.ledger()).filter(({ begunAt, method }) => Date.parse(begunAt) > since && method === "PUT");
  return new Set(recent.map(transferOf).filter((id) => id !== null));
}

/** Longer than the second in which everything must be still, so that what comes later is seen. */
export function stillness(): Promise<void> {
  return sleep(3000);
}
