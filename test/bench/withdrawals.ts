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
  running,
  startStandingWorld,
  stillness,
  transferOf,
  type StandingWorld,
  type Witnessed,
} from "../support/standing-world.ts";
import { figure, type Measure } from "./measure.ts";

const TRANSFERS = 80;
const AT_ONCE = 16;
const ITEMS = 24;
/** Of those that run, so that others run on beside. */
const WITHDRAWN_AT_ONCE = 4;
const WITHDRAWALS = 40;
const LOOK_MILLISECONDS = 5;

type Tell = (line: string) => void;

/**
 * People stop permissions on their own page while transfers run under them and others. From when the form is sent until the source is told that the
 * token is not active, and until the last request of the transfer at the platform, by its own ledger.
 */
export async function withdrawals(_rounds: number, tell: Tell): Promise<Measure[]> {
  await using standing = await startStandingWorld({ items: ITEMS, atOnce: AT_ONCE });
  const accounts = accountsOf("withdrawing", TRANSFERS);
  const platform = await standing.platform("Withdrawn", accounts);
  await standing.stream(standing.energy, platform, accounts);
  const ask = await sourceAsks(standing);
  const found: Withdrawal[] = [];
  while (found.length < WITHDRAWALS) {
    const live = await until("transfers that run", async () => {
      const ids = [...(await running(platform, 600))].filter((id) => !found.some(({ transfer }) => transfer === id));
      return ids.length >= 1 ||
        (await standing.world.pool.query("select 1 from relais.transfers where state = 'queued' limit 1")).rowCount === 0
        ? ids
        : null;
    });
    if (live.length === 0) break;
    found.push(...(await Promise.all(live.slice(0, WITHDRAWN_AT_ONCE).map((id) => withdraw(standing, ask, id)))));
  }
  await stillness();
  const lags = await lagsOf(platform, found);
  tell(`${found.length} withdrawals: ${JSON.stringify(lags.map((lag) => Math.round(lag)))}`);
  const sorted = lags.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
  const told = found.map(({ inactiveAt, sentAt }) => inactiveAt - sentAt).toSorted((a, b) => a - b);
  return [
    figure("withdrawals of permissions under which a transfer ran", found.length, "withdrawals", `${AT_ONCE} transfers at once`),
    figure(
      "from the person's form to the last effect (token not active, no request of the transfer begins), p50",
      at(0.5),
      "ms",
      "limit 1000 ms",
    ),
    figure("the same, p99", at(0.99), "ms", "limit 1000 ms; each attempt looks every 250 ms"),
    figure("from the person's form until introspection says not active, p50", told[Math.floor(told.length / 2)] ?? Infinity, "ms"),
  ];
}

interface Withdrawal {
  transfer: TransferId;
  sentAt: number;
  inactiveAt: number;
}

async function sourceAsks({ world, energy }: StandingWorld): Promise<Introspection> {
  const { privateJwk: key } = await openOwnKey(energy.keys, "documents");
  const keys = relaisKeys(world.url, fetch);
  return introspection({ issuer: world.url, entityId: energy.participant.entityId, key, keys, fetcher: fetch, keepMilliseconds: 0 });
}

async function withdraw(standing: StandingWorld, ask: Introspection, transfer: TransferId): Promise<Withdrawal> {
  const { store, url } = standing.world;
  const { consentId, personId } = await store.read((r) => r.transfers.get(transfer));
  const { issuer, subject } = await store.read(async (r) => (await r.people.find(personId)) as { issuer: string; subject: string });
  const { token } = await startSession({ store, clock: realClock }, { issuer, subject, displayName: "Bench" });
  const value = await tokenOf(standing, consentId);
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

async function tokenOf({ world, energy }: StandingWorld, consentId: ConsentId): Promise<string> {
  const worker = await openKeyring(join(world.dir, "relais", "keys"), "worker");
  const outbound = world.network.fetchOrigin(world.url, new AbortController().signal);
  const tokens = createConsentTokens({ issuer: world.url, key: () => worker.current("worker"), fetch: outbound });
  const holder = await tokens.open(await world.store.read((r) => r.consents.get(consentId)), energy.participant);
  const { authorization = "" } = await holder.consentHeaders({ method: "GET", url: energy.participant.entityId });
  return authorization.slice("DPoP ".length);
}

async function untilInactive(ask: Introspection, value: string): Promise<number> {
  while ((await ask(value)).active === true) await sleep(LOOK_MILLISECONDS);
  return Date.now();
}

async function lagsOf(platform: Witnessed, found: Withdrawal[]): Promise<number[]> {
  const ledger = movements(await platform.ledger()).filter(({ method }) => method !== "DELETE");
  return found.map(({ transfer, sentAt, inactiveAt }) => {
    const begun = ledger.filter((entry) => transferOf(entry) === transfer).map(({ begunAt }) => Date.parse(begunAt));
    return Math.max(inactiveAt, ...begun) - sentAt;
  });
}
