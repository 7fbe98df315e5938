import type { AccountLink } from "../person/person.ts";
import type { Participant } from "../register/participant.ts";
import type { Destination, Draft, Opening, Source } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { RunPorts } from "./run-ports.ts";

/** How long after a stop the destination may still be told of it. */
const FAREWELL_MILLISECONDS = 5000;

export async function openSource(ports: RunPorts, attempt: Attempt): Promise<Source> {
  const { source } = attempt.standing;
  return ports.adapters[source.adapter].openSource(await openingOf(ports, attempt, source, attempt.links.source));
}

export async function openDestination(ports: RunPorts, attempt: Attempt): Promise<Destination> {
  const { destination } = attempt.standing;
  const opening = await openingOf(ports, attempt, destination, attempt.links.destination);
  return ports.adapters[destination.adapter].openDestination(opening, headOf(attempt));
}

/** What manifest and announcement say of the whole transfer. The subject is the destination's own name of the person. */
export function headOf({ transfer, standing, links }: Attempt): Draft["manifest"] {
  const { consent, source, destination } = standing;
  return {
    transfer: transfer.id,
    consent: consent.id,
    source: source.entityId,
    destination: destination.entityId,
    subject: links.destination.account,
  };
}

async function openingOf(ports: RunPorts, attempt: Attempt, participant: Participant, link: AccountLink): Promise<Opening> {
  return {
    participant,
    account: link.account,
    credentials: link.sealedCredentials === null ? { kind: "none" } : await ports.opener.open(link.sealedCredentials),
    fetch: ports.network.fetchFor(participant, attempt.signal),
    farewell: (request) => ports.network.fetchFor(participant, AbortSignal.timeout(FAREWELL_MILLISECONDS))(request),
    signal: attempt.signal,
    clock: ports.clock,
    signedHeaders: ports.signer.signRequest,
    ...(await ports.tokens.open(attempt.standing.consent, participant)),
  };
}
