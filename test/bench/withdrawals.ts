import { setTimeout as sleep } from "node:timers/promises";
import type { ConsentId, TransferId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { join } from "node:path";
import { openOwnKey } from "../../src/sandbox/peer/own-keys.ts";
import { introspection, type Introspection } from "../../src/sdk/consent/introspection.ts";
import { relaisKeys } from "../../src/sdk/consent/relais-keys.ts";
import { until } from "../support/fault-relais.ts";
import { realClock } from "../support/real-clock.ts";
import {
  accountsOf,
  movements,
  startStandingWorld,
  stillness,
  transferOf,
  type StandingWorld,
  type Witnessed,
} from "../support/standing-world.ts";
import { bound, figure, quantile, sized, type Measure } from "./measure.ts";

const AT_ONCE = 16;
const ITEMS = 24;
/** Together more than goes in one request. */
const FILLING = 12 * 1024;
/** Of those that run, so that others run on beside. */
const WITHDRAWN_AT_ONCE = 4;
const WITHDRAWALS = sized(120, 12);
/** To each of two platforms: they wait until the last withdrawal was made. */
const TRANSFERS = sized(480, 60);
const LOOK_MILLISECONDS = 5;

type Tell = (line: string) => void;

/**
 * People stop permissions on their own page while every slot of the worker is taken, and others wait. From when the form is sent until the source is told
 * that the token is not active, and until the last request of the transfer at the platform, by its own ledger. Two sources and two platforms, since no
 * participant may have all slots.
 */
export async function withdrawals(_rounds: number, tell: Tell): Promise<Measure[]> {
  await using standing = await startStandingWorld({ items: ITEMS, filling: FILLING, atOnce: AT_ONCE });
  const lanes = [await openLane(standing, standing.energy, "Near"), await openLane(standing, standing.telecom, "Far")];
  const found: Withdrawal[] = [];
  const busy: number[] = [];
  while (found.length < WITHDRAWALS) {
    const { ids, slots } = await until("transfers that run", () => fullLoad(standing, found));
    busy.push(slots);
    found.push(...(await Promise.all(ids.map((id) => withdraw(standing, lanes, id)))));
  }
  await stillness();
  const lags = await lagsOf(lanes, found);
  tell(`${found.length} withdrawals with ${quantile(busy, 0.5)} slots busy: ${JSON.stringify(lags.map((lag) => Math.round(lag)))}`);
  const told = found.map(({ inactiveAt, sentAt }) => inactiveAt - sentAt);
  const last = "from the person's form to the last effect (token not active, no request of the transfer begins)";
  const why = "each attempt looks every 250 ms";
  return [
    figure("withdrawals of permissions under which a transfer ran", found.length, "withdrawals", `all ${AT_ONCE} slots taken, others wait`),
    figure("slots taken when one was made, median", quantile(busy, 0.5), "slots"),
    figure(`${last}, p50`, quantile(lags, 0.5), "ms"),
    bound("withdrawal to last request under full load, p99", quantile(lags, 0.99), "ms", { most: 1000, aim: 250, why }),
    figure("from the person's form until introspection says not active, p50", quantile(told, 0.5), "ms"),
  ];
}

/** A source, the platform that it sends to, and how the source asks about tokens. */
interface Lane {
  source: Witnessed;
  platform: Witnessed;
  ask: Introspection;
}

async function openLane(standing: StandingWorld, source: Witnessed, name: string): Promise<Lane> {
  const accounts = accountsOf(name.toLowerCase(), TRANSFERS);
  const platform = await standing.platform(name, accounts);
  await standing.stream(source, platform, accounts);
  return { source, platform, ask: await sourceAsks(standing, source) };
}

/** Some of those that deliver, once every slot is taken; null before. @throws where nothing waits any more: that would be no full load. */
async function fullLoad({ world }: StandingWorld, found: readonly Withdrawal[]): Promise<{ ids: TransferId[]; slots: number } | null> {
  const { rows } = await world.pool.query<{ id: TransferId; state: string; isHeld: boolean }>(
    `select id, state, lease_until > now() as "isHeld" from transfers where ended_at is null`,
  );
  const held = rows.filter(({ isHeld }) => isHeld);
  if (rows.length === held.length && rows.length > 0)
    throw new Error(`nothing waits after ${found.length} withdrawals: there must be more transfers`);
  const delivering = held.filter(({ id, state }) => state === "delivering" && !found.some(({ transfer }) => transfer === id));
  if (held.length < AT_ONCE || delivering.length < WITHDRAWN_AT_ONCE) return null;
  return { ids: delivering.slice(0, WITHDRAWN_AT_ONCE).map(({ id }) => id), slots: held.length };
}

interface Withdrawal {
  transfer: TransferId;
  sentAt: number;
  inactiveAt: number;
}

async function sourceAsks({ world }: StandingWorld, source: Witnessed): Promise<Introspection> {
  const { privateJwk: key } = await openOwnKey(source.keys, "documents");
  const keys = relaisKeys(world.url, fetch);
  return introspection({ issuer: world.url, entityId: source.participant.entityId, key, keys, fetcher: fetch, keepMilliseconds: 0 });
}

async function withdraw(standing: StandingWorld, lanes: Lane[], transfer: TransferId): Promise<Withdrawal> {
  const { store, url } = standing.world;
  const { consentId, personId, sourceId } = await store.read((r) => r.transfers.get(transfer));
  const { source, ask } = lanes.find((lane) => lane.source.participant.id === sourceId) as Lane;
  const { issuer, subject } = await store.read(async (r) => (await r.people.find(personId)) as { issuer: string; subject: string });
  const { token } = await startSession({ store, clock: realClock }, { issuer, subject, displayName: "Bench" });
  const value = await tokenOf(standing, source, consentId);
  const form = {
    method: "POST",
    redirect: "manual",
    headers: { cookie: `${SESSION_COOKIE}=${token}`, origin: url },
    body: new URLSearchParams(),
  } as const;
  const sentAt = Date.now();
  const [answer, inactiveAt] = await Promise.all([fetch(`${url}/en/permissions/${consentId}/stop`, form), untilInactive(ask, value)]);
  if (answer.status !== 303) throw new Error(`the page answers ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  return { transfer, sentAt, inactiveAt };
}

async function tokenOf({ world }: StandingWorld, { participant }: Witnessed, consentId: ConsentId): Promise<string> {
  const worker = await openKeyring(join(world.dir, "relais", "keys"), "worker");
  const outbound = world.network.fetchOrigin(world.url, new AbortController().signal);
  const tokens = createConsentTokens({ issuer: world.url, key: () => worker.current("worker"), fetch: outbound });
  const holder = await tokens.open(await world.store.read((r) => r.consents.get(consentId)), participant);
  const { authorization = "" } = await holder.consentHeaders({ method: "GET", url: participant.entityId });
  return authorization.slice("DPoP ".length);
}

async function untilInactive(ask: Introspection, value: string): Promise<number> {
  while ((await ask(value)).active === true) await sleep(LOOK_MILLISECONDS);
  return Date.now();
}

async function lagsOf(lanes: Lane[], found: Withdrawal[]): Promise<number[]> {
  const ledgers = await Promise.all(lanes.map(({ platform }) => platform.ledger()));
  const ledger = ledgers.flatMap(movements).filter(({ method }) => method !== "DELETE");
  return found.map(({ transfer, sentAt, inactiveAt }) => {
    const begun = ledger.filter((entry) => transferOf(entry) === transfer).map(({ begunAt }) => Date.parse(begunAt));
    return Math.max(inactiveAt, ...begun) - sentAt;
  });
}
