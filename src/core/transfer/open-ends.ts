import type { Consent } from "../consent/consent.ts";
import type { AccountLink } from "../person/person.ts";
import type { Participant } from "../register/participant.ts";
import type { Destination, Draft, Opening, Source } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { RunPorts } from "./run-ports.ts";

/** How long after a stop the destination may still be told of it. */
const FAREWELL_MILLISECONDS = 5000;

/** What opening an end needs of an attempt. */
export type Lent = Pick<Attempt, "transfer" | "standing" | "links" | "signal">;

export async function openSource(ports: RunPorts, attempt: Attempt): Promise<Source> {
  const { source } = attempt.standing;
  return ports.adapters[source.adapter].openSource(await openingOf(ports, attempt, source, attempt.links.source));
}

export async function openDestination(ports: RunPorts, attempt: Lent): Promise<Destination> {
  const { destination } = attempt.standing;
  const opening = await openingOf(ports, attempt, destination, attempt.links.destination);
  return ports.adapters[destination.adapter].openDestination(opening, headOf(attempt));
}

/** What manifest and announcement say of the whole transfer. The subject is the destination's own name of the person. */
export function headOf({ transfer, standing, links }: Pick<Lent, "transfer" | "standing" | "links">): Draft["manifest"] {
  const { consent, source, destination } = standing;
  return {
    transfer: transfer.id,
    consent: consent.id,
    source: source.entityId,
    destination: destination.entityId,
    subject: links.destination.account,
    ...(isProposal(consent) ? { action: "propose" as const } : {}),
  };
}

function isProposal({ action }: Consent): boolean {
  return action === "propose";
}

/** The announcement of a transfer that the destination knows already: it is found again by it. */
export async function announceAgain(ports: Pick<RunPorts, "store">, lent: Lent): Promise<Draft> {
  const progress = await ports.store.read((r) => r.transfers.progress(lent.transfer.id));
  const datasets = progress.map(({ dataset, expected, bytes }) => ({ dataset, items: expected, bytes }));
  return { manifest: headOf(lent), datasets, expiresAt: lent.transfer.expiresAt };
}

async function openingOf(ports: RunPorts, lent: Lent, participant: Participant, link: AccountLink): Promise<Opening> {
  const { signal, standing } = lent;
  return {
    participant,
    account: link.account,
    credentials: link.sealedCredentials === null ? { kind: "none" } : await ports.opener.open(link.sealedCredentials),
    fetch: ports.network.fetchFor(participant, signal),
    farewell: (request) => ports.network.fetchFor(participant, AbortSignal.timeout(FAREWELL_MILLISECONDS))(request),
    signal,
    clock: ports.clock,
    signedHeaders: ports.signer.signRequest,
    ...mailboxOf(ports, lent, participant),
    ...(await ports.tokens.open(standing.consent, participant)),
  };
}

function mailboxOf({ mailbox }: RunPorts, { transfer: { epoch } }: Lent, platform: Participant): Pick<Opening, "mailbox"> {
  if (platform.adapter !== "mailbox" || mailbox === undefined) return {};
  return { mailbox: (head) => mailbox.open({ platform, epoch }, head) };
}
