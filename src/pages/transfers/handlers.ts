import { RelaisError } from "../../core/errors.ts";
import { asId, type ParticipantId, type TransferId } from "../../core/ids.ts";
import { cancelTransfer } from "../../core/transfer/cancel-transfer.ts";
import { readDocument, readTransfer } from "../../core/transfer/read-transfer.ts";
import { mayMove } from "../../core/transfer/transfer.ts";
import { readTold, viewOfTold } from "../life/told.ts";
import { namesOf } from "../register/view.ts";
import { pathOf, type Answer, type PagesPorts, type PersonHandler, type PersonVisit } from "../visit.ts";
import { liveEvents } from "./live.ts";
import { rowOfTransfer, viewOfTransfer, type Story } from "./view.ts";

export async function transfers(ports: PagesPorts, { tongue, personId }: PersonVisit): Promise<Answer> {
  const { list, participants } = await ports.store.read(async (r) => {
    const own = await r.transfers.list(personId);
    return { list: own, participants: await r.registered.named(endsOf(own)) };
  });
  const names = namesOf(participants);
  const rows = list.map((transfer) => rowOfTransfer(tongue, transfer, names));
  return { kind: "page", template: "transfers", title: tongue.t("transfers.title"), model: { rows } };
}

/** Whom these transfers are between. */
export function endsOf(rows: readonly { sourceId: ParticipantId; destinationId: ParticipantId }[]): ParticipantId[] {
  return rows.flatMap(({ sourceId, destinationId }) => [sourceId, destinationId]);
}

export async function transfer(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const story = await readStory(ports, visit);
  const model = viewOfTransfer(visit.tongue, story);
  const ends = [story.transfer.sourceId, story.transfer.destinationId];
  const told = viewOfTold(visit.tongue, await ports.store.read((r) => readTold(r, visit.personId, ends)));
  return { kind: "page", template: "transfer", title: model.title, model: { ...model, told } };
}

/** As many as a person corrects by hand. */
const SHOWN_PROPOSALS = 100;

async function readStory(ports: PagesPorts, visit: PersonVisit): Promise<Story> {
  const view = await readTransfer(ports, { transferId: transferIdOf(visit), personId: visit.personId });
  return ports.store.read(async (r) => {
    const consent = await r.consents.get(view.transfer.consentId);
    const proposed = consent.action === "propose" ? await r.transfers.items(view.transfer.id, { limit: SHOWN_PROPOSALS }) : null;
    return { ...view, consent, proposed };
  });
}

/** The signed document, byte for byte as it can be verified. */
export function transferDocument(kind: "manifest" | "receipt"): PersonHandler {
  return async (ports, visit) => {
    const transferId = transferIdOf(visit);
    const body = await readDocument(ports, { transferId, personId: visit.personId, kind });
    return { kind: "file", name: `${transferId}.${kind}.jws`, type: "application/jose", body };
  };
}

/** The first read decides whether the person may see this transfer, before the stream opens. */
export async function transferEvents(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await readStory(ports, visit);
  return { kind: "stream", events: (signal) => liveEvents(visit.tongue, () => readStory(ports, visit), signal) };
}

export async function showCancel(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const story = await readStory(ports, visit);
  if (!mayMove(story.transfer.state, "cancelled"))
    throw new RelaisError("conflict", "This transfer can no longer be stopped.", { actor: "person" });
  const model = viewOfTransfer(visit.tongue, story);
  return { kind: "page", template: "cancel", title: visit.tongue.t("cancel.title"), model };
}

export async function cancel(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const transferId = transferIdOf(visit);
  await cancelTransfer(ports, { transferId, personId: visit.personId });
  return { kind: "redirect", to: pathOf(visit, `/me/transfers/${transferId}`) };
}

function transferIdOf({ params }: PersonVisit): TransferId {
  return asId("transfer", params["id"]);
}
