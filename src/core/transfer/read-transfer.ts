import { RelaisError } from "../errors.ts";
import type { PersonId, TransferId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { StoredDocument } from "./transfer-records.ts";
import type { Participant } from "../register/participant.ts";
import type { Progress, Transfer, TransferEvent, TransferItem } from "./transfer.ts";

/** Everything that the person's page of one transfer shows. */
export interface TransferView {
  transfer: Transfer;
  events: TransferEvent[];
  progress: Progress[];
  source: Participant;
  destination: Participant;
  /** The first of what did not move; `omittedCount` tells how many there are. */
  omissions: TransferItem[];
  omittedCount: number;
  /** Counted at the source, never listed by it: they have no name to show. */
  missing: number;
  documents: Pick<StoredDocument, "id" | "kind" | "createdAt">[];
}

const SHOWN_OMISSIONS = 100;

export async function readTransfer(
  ports: Pick<Ports, "store">,
  query: { transferId: TransferId; personId: PersonId },
): Promise<TransferView> {
  return ports.store.read(async (r) => {
    const transfer = await ownTransfer(r, query);
    const progress = await r.transfers.progress(transfer.id);
    const events = await r.transfers.events(transfer.id);
    const documents = await r.transfers.documents(transfer.id);
    return {
      transfer,
      events,
      progress,
      source: await r.participants.get(transfer.sourceId),
      destination: await r.participants.get(transfer.destinationId),
      omissions: await r.transfers.items(transfer.id, { state: "omitted", limit: SHOWN_OMISSIONS }),
      omittedCount: progress.reduce((sum, row) => sum + row.omitted, 0),
      missing: Number(events.findLast((event) => event.kind === "partial")?.details["missing"] ?? 0),
      documents: documents.map(({ id, kind, createdAt }) => ({ id, kind, createdAt })),
    };
  });
}

/** @throws RelaisError `not_found`, also for somebody else's. */
export async function ownTransfer(r: Reader, { transferId, personId }: { transferId: TransferId; personId: PersonId }): Promise<Transfer> {
  const transfer = await r.transfers.get(transferId);
  if (transfer.personId !== personId) throw new RelaisError("not_found", "There is no transfer with this id.");
  return transfer;
}

/** The signed document as the person downloads it. */
export async function readDocument(
  ports: Pick<Ports, "store">,
  query: { transferId: TransferId; personId: PersonId; kind: StoredDocument["kind"] },
): Promise<string> {
  return ports.store.read(async (r) => {
    const transfer = await r.transfers.get(query.transferId);
    const document = (await r.transfers.documents(query.transferId)).find((candidate) => candidate.kind === query.kind);
    if (transfer.personId !== query.personId || !document) throw new RelaisError("not_found", "There is no such document yet.");
    return document.jws;
  });
}
