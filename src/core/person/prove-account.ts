import { RelaisError } from "../errors.ts";
import { newId, type ParticipantId, type PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Adapter, Credentials, DatasetCount, Opening } from "../transfer/adapter.ts";
import type { Assurance } from "./assurance.ts";
import type { JointContract } from "./joint-contract.ts";
import type { AccountLink } from "./person.ts";

interface SignedIn {
  personId: PersonId;
  participantId: ParticipantId;
  account: string;
  inventory: DatasetCount[] | null;
  /** How sure the participant said that it is. */
  assurance: Assurance;
  contract?: JointContract | null;
}

/** Records an account that the person proved by signing in at the participant (the identification question of S-069, S-070). */
export async function linkSignedInAccount(ports: Pick<Ports, "store" | "clock">, proof: SignedIn): Promise<AccountLink> {
  const link: AccountLink = {
    id: newId("link"),
    ...proof,
    method: "signed_in",
    provedAt: ports.clock.now(),
    sealedCredentials: null,
  };
  return ports.store.write((w) => w.accounts.putLink(link));
}

interface WithCredentials {
  personId: PersonId;
  participantId: ParticipantId;
  account: string;
  credentials: Credentials;
}

type ProvingPorts = Pick<Ports, "store" | "clock" | "sealer" | "network" | "adapters">;

/**
 * Records an account that the person proves by its own keys: the adapter counts what it holds with them.
 * The keys are sealed to the worker at once; this process cannot read them back.
 * @throws RelaisError `peer_refused` where the keys do not open the account.
 */
export async function linkAccountByKeys(ports: ProvingPorts, proof: WithCredentials): Promise<AccountLink> {
  const participant = await ports.store.read((r) => r.participants.get(proof.participantId));
  const inventory = await readInventory(ports.adapters[participant.adapter], {
    participant,
    account: proof.account,
    credentials: proof.credentials,
    ...openingOf(ports, participant),
  });
  const link: AccountLink = {
    id: newId("link"),
    personId: proof.personId,
    participantId: proof.participantId,
    account: proof.account,
    method: "write_and_read",
    provedAt: ports.clock.now(),
    sealedCredentials: await ports.sealer.seal(proof.credentials),
    inventory,
  };
  return ports.store.write((w) => w.accounts.putLink(link));
}

const PROOF_SECONDS = 20;

function openingOf(
  ports: ProvingPorts,
  participant: Opening["participant"],
): Pick<Opening, "fetch" | "farewell" | "signal" | "clock" | "consentHeaders" | "signedHeaders" | "dpopProof"> {
  const signal = AbortSignal.timeout(PROOF_SECONDS * 1000);
  const none = (): never => {
    throw new RelaisError("unsupported", "This account is proved by signing in at the platform, not by keys.", { actor: "person" });
  };
  const fetch = ports.network.fetchFor(participant, signal);
  return {
    fetch,
    farewell: fetch,
    signal,
    clock: ports.clock,
    consentHeaders: none,
    signedHeaders: none,
    dpopProof: ports.sealer.ephemeralProofs(),
  };
}

async function readInventory(adapter: Adapter, opening: Opening): Promise<DatasetCount[]> {
  await using source = await adapter.openSource(opening);
  return source.inventory();
}
