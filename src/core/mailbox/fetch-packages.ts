import { checkStanding } from "../consent/check-consent.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId, TransferId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Bytes } from "../transfer/adapter.ts";
import type { MailboxReader, Package, PackageFiles, PackageId, ToldDelivery } from "./mailbox.ts";

export interface FetchingPorts extends Pick<Ports, "store" | "clock" | "policy"> {
  files: Pick<PackageFiles, "read">;
}

/** `waiting`: to be fetched. `acknowledged`: the receipt came. The rest ended without one, and their bytes are deleted. */
export type DeliveryState = "waiting" | "paused" | "acknowledged" | "expired" | "stopped";

export interface DeliveryView extends ToldDelivery {
  state: DeliveryState;
}

/** What waits for one platform, and how what waited lately ended: each row by itself, whatever became of the others. */
export async function listDeliveries(
  { store }: Pick<FetchingPorts, "store">,
  platformId: ParticipantId,
  page: Parameters<MailboxReader["list"]>[1],
): Promise<DeliveryView[]> {
  return (await store.read((r) => r.mailbox.list(platformId, page))).map(viewOf);
}

export async function readDelivery(ports: Pick<FetchingPorts, "store">, asked: Asked): Promise<DeliveryView> {
  return ports.store.read((r) => ownDelivery(r, asked));
}

function viewOf(delivery: ToldDelivery): DeliveryView {
  return { ...delivery, state: stateOf(delivery) };
}

function stateOf({ isAcknowledged, transferState }: ToldDelivery): DeliveryState {
  if (isAcknowledged) return "acknowledged";
  if (transferState === "expired") return "expired";
  if (transferState === "cancelled" || transferState === "failed") return "stopped";
  return transferState === "delivered" ? "waiting" : "paused";
}

interface Asked {
  platformId: ParticipantId;
  transferId: TransferId;
}

/** @throws RelaisError `not_found` also for what waits for another platform, or is not complete yet. */
async function ownDelivery(r: Reader, { platformId, transferId }: Asked): Promise<DeliveryView> {
  const delivery = await r.mailbox.findTold(platformId, transferId);
  if (delivery !== null) return viewOf(delivery);
  throw new RelaisError("not_found", "Nothing waits for you under this name.", { actor: "client" });
}

/** The right is read at each use: what was stopped a moment ago is not handed out. @throws RelaisError saying why not. */
async function mayFetch(r: Reader, { policy }: Pick<FetchingPorts, "policy">, asked: Asked & { now: Date }): Promise<void> {
  const { state, consentId } = await ownDelivery(r, asked);
  if (state === "expired")
    throw new RelaisError("not_found", "This was not fetched in time, and was deleted. The person can ask for it again.", {
      actor: "person",
    });
  if (state === "stopped") throw new RelaisError("consent_ended", "This was stopped, and deleted.", { actor: "person" });
  if (state === "acknowledged") throw new RelaisError("conflict", "You acknowledged this: it is deleted here.");
  await checkStanding(r, await r.consents.get(consentId), { policy, now: asked.now });
  if (state === "paused") throw new RelaisError("conflict", "This is paused. Look again later.", { actor: "operator" });
}

export async function listPackages(
  ports: FetchingPorts,
  asked: Asked,
  page: { after: PackageId | null; limit: number },
): Promise<Package[]> {
  return ports.store.read(async (r) => {
    await mayFetch(r, ports, { ...asked, now: ports.clock.now() });
    return r.mailbox.packages(asked.transferId, page);
  });
}

/** The manifest as Relais signed it: what the receipt is for. */
export async function fetchManifest(ports: FetchingPorts, asked: Asked): Promise<string> {
  return ports.store.read(async (r) => {
    await mayFetch(r, ports, { ...asked, now: ports.clock.now() });
    return manifestOf(r, asked.transferId);
  });
}

export async function manifestOf(r: Reader, transferId: TransferId): Promise<string> {
  const found = (await r.transfers.documents(transferId)).find(({ kind }) => kind === "manifest");
  if (found !== undefined) return found.jws;
  throw new RelaisError("internal", "The manifest of this transfer is missing.");
}

export interface OpenPackage {
  found: Package;
  /** Looks at the right again while it flows; from and up to these places, both included. */
  read(range: { start: number; end: number }): Promise<Bytes>;
}

/** @throws RelaisError `not_found`, also for a package of another transfer or platform. */
export async function fetchPackage(ports: FetchingPorts, asked: Asked & { id: PackageId }): Promise<OpenPackage> {
  const { clock, store } = ports;
  const rightful = async (r: Reader): Promise<Package> => {
    await mayFetch(r, ports, { ...asked, now: clock.now() });
    const found = await r.mailbox.findById(asked.transferId, asked.id);
    if (found === null) throw new RelaisError("not_found", "There is no such package in this delivery.");
    return found;
  };
  const look = (): Promise<Package> => store.read(rightful);
  const found = await look();
  // What may lie at the platform is written down before it can; the right is read behind the lock, so that a package is taken back or begun.
  const begin = (): Promise<Package> =>
    store.write(async (w) => {
      await w.keeping.begin(asked.id, clock.now());
      return rightful(w);
    });
  return {
    found,
    read: async (range) => flowing(ports, await ports.files.read(asked.id, range), { found, range, look, begin }),
  };
}

/** A right that was read longer ago than this is read again before the next piece. */
const STALE_MILLISECONDS = 500;

interface Flow {
  found: Package;
  range: { start: number; end: number };
  look(): Promise<unknown>;
  begin(): Promise<unknown>;
}

async function* flowing({ store, clock }: FetchingPorts, bytes: Bytes, { found, range, look, begin }: Flow): Bytes {
  let lookedAt = clock.now().getTime();
  let isBegun = found.begunAt !== null;
  let [end, told] = [range.start, range.start];
  const tell = async (): Promise<void> => {
    if (end === told || found.fetchedAt !== null) return;
    await store.write((w) => w.keeping.handedOn(found.id, { start: range.start, end }, clock.now()));
    told = end;
  };
  try {
    for await (const piece of bytes) {
      if (!isBegun || clock.now().getTime() - lookedAt > STALE_MILLISECONDS) {
        lookedAt = clock.now().getTime();
        await (isBegun ? look() : begin());
        isBegun = true;
      }
      end += piece.byteLength;
      // Before its end goes out: who has it may ask at once for what follows.
      if (end > range.end) await tell();
      yield piece;
    }
  } finally {
    // Also where the connection was cut: what went out before is out.
    await tell();
  }
}
