import { checkStanding, type Standing } from "../consent/check-consent.ts";
import { asRelaisError, RelaisError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Opening } from "../transfer/adapter.ts";
import type { Switch } from "./switch.ts";

type ClosurePorts = Pick<Ports, "store" | "clock" | "policy" | "signer" | "opener" | "tokens" | "network" | "adapters">;

/** How long an old place may take to delete. */
const ERASE_MILLISECONDS = 60_000;

/** The worker's part of closing: asks each old place that waits. One that does not answer is asked again at the next sweep. Returns how many were closed. */
export async function sweepClosures(ports: ClosurePorts, shutdown: AbortSignal): Promise<number> {
  let closed = 0;
  for (const row of await ports.store.read((r) => r.switches.closing())) {
    try {
      await eraseAtSource(ports, row, shutdown);
      closed += 1;
    } catch (error) {
      await giveBack(ports, row, asRelaisError(error));
    }
  }
  return closed;
}

async function eraseAtSource(ports: ClosurePorts, row: Switch, shutdown: AbortSignal): Promise<void> {
  const standing = await ports.store.read((r) => standingToErase(r, row, { policy: ports.policy, now: ports.clock.now() }));
  const signal = AbortSignal.any([shutdown, AbortSignal.timeout(ERASE_MILLISECONDS)]);
  await using source = await ports.adapters[standing.source.adapter].openSource(await openingOf(ports, row, { standing, signal }));
  await source.erase(standing.consent.datasets);
  const now = ports.clock.now();
  await ports.store.write(async (w) => {
    await w.moves.change(row.id, ["closing"], "closed", { closedAt: now });
    await w.permissions.move(standing.consent.id, ["active"], "expired", { endedAt: now, endedBy: "relais" });
  });
}

async function standingToErase(r: Reader, row: Switch, terms: { policy: Policy; now: Date }): Promise<Standing> {
  const consent = (await r.consents.list(row.personId)).find(
    (one) => one.switchId === row.id && one.action === "erase" && one.state === "active",
  );
  if (!consent) throw new RelaisError("consent_missing", "The person has not asked to close the old place.");
  return checkStanding(r, consent, terms);
}

async function openingOf(
  ports: ClosurePorts,
  row: Switch,
  { standing, signal }: { standing: Standing; signal: AbortSignal },
): Promise<Opening> {
  const link = await ports.store.read((r) => r.people.getLink(row.sourceLinkId));
  const fetch = ports.network.fetchFor(standing.source, signal);
  return {
    participant: standing.source,
    account: link.account,
    credentials: link.sealedCredentials === null ? { kind: "none" } : await ports.opener.open(link.sealedCredentials),
    fetch,
    farewell: fetch,
    signal,
    clock: ports.clock,
    signedHeaders: ports.signer.signRequest,
    ...(await ports.tokens.open(standing.consent, standing.source)),
  };
}

/** Only what can never succeed gives the act back to the person; everything else is tried again. */
async function giveBack(ports: ClosurePorts, row: Switch, failure: RelaisError): Promise<void> {
  if (failure.retryable || failure.code === "stopped") return;
  await ports.store.write(async (w) => {
    await w.moves.change(row.id, ["closing"], "verified");
    const open = (await w.consents.list(row.personId)).filter((consent) => consent.switchId === row.id && consent.action === "erase");
    for (const consent of open)
      await w.permissions.move(consent.id, ["active"], "expired", { endedAt: ports.clock.now(), endedBy: "relais" });
  });
}
