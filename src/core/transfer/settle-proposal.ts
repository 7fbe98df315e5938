import { asRelaisError } from "../errors.ts";
import { startAttempt } from "./attempt.ts";
import type { Begun } from "./attempt-records.ts";
import { completeTransfer } from "./complete-transfer.ts";
import { announceAgain, openDestination } from "./open-ends.ts";
import { waitOn } from "./proposal.ts";
import type { RunPorts } from "./run-ports.ts";
import type { Transfer, TransferState } from "./transfer.ts";

type Terms = Parameters<typeof startAttempt>[2];

/**
 * Asks the organisation what it decided meanwhile, until nothing waits any more. Where the consent ended, or its time is over, the rest is given up:
 * the organisation is told, and what it had not decided is not taken over.
 */
export async function settleProposal(ports: RunPorts, begun: Begun, terms: Terms): Promise<TransferState | "waiting"> {
  const { transfer } = begun;
  if (transfer.expiresAt <= ports.clock.now()) return giveUp(ports, transfer, terms.shutdown);
  try {
    await using attempt = await startAttempt(ports, begun, terms);
    await using destination = await openDestination(ports, attempt);
    await destination.announce(await announceAgain(ports, attempt));
    return await completeTransfer(ports, attempt, destination);
  } catch (error) {
    const { code } = asRelaisError(error);
    if (code === "consent_ended") return giveUp(ports, transfer, terms.shutdown);
    // Its standing may come back: nothing is lost by waiting.
    if (code !== "not_accredited") throw error;
    await ports.store.write((w) => waitOn(w, transfer, ports.clock.now()));
    return "waiting";
  }
}

const FAREWELL_MILLISECONDS = 5000;

async function giveUp(ports: RunPorts, transfer: Transfer, shutdown: AbortSignal): Promise<TransferState> {
  await tell(ports, transfer, AbortSignal.any([shutdown, AbortSignal.timeout(FAREWELL_MILLISECONDS)])).catch(() => undefined);
  const now = ports.clock.now();
  await ports.store.write(async (w) => {
    const open = await w.transfers.items(transfer.id, { state: "sent", limit: MOST_PROPOSED });
    const marks = open.map(({ dataset, key }) => ({ dataset, key, state: "omitted" as const, reason: "stopped" as const }));
    if (marks.length > 0) await w.deliveries.markItems(transfer.id, transfer.epoch, marks);
    if (!(await w.deliveries.change(transfer.id, transfer.epoch, { state: "partial", release: true }))) return;
    await w.deliveries.addEvent(transfer.id, now, { kind: "partial", actor: "relais", details: { omitted: open.length } });
  });
  return "partial";
}

/** More than a person corrects by hand. */
const MOST_PROPOSED = 10_000;

async function tell(ports: RunPorts, transfer: Transfer, signal: AbortSignal): Promise<void> {
  const ends = await ports.store.read(async (r) => {
    const consent = await r.consents.get(transfer.consentId);
    const [source, destination] = [await r.participants.get(transfer.sourceId), await r.participants.get(transfer.destinationId)];
    const links = { source: await r.people.getLink(consent.sourceLinkId), destination: await r.people.getLink(consent.destinationLinkId) };
    return { standing: { consent, source, destination }, links };
  });
  const lent = { transfer, signal, ...ends };
  await using destination = await openDestination(ports, lent);
  await destination.announce(await announceAgain(ports, lent));
  await destination.stop();
}
