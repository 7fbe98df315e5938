import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import type { CallerTokens, Ports, Reader } from "../core/ports.ts";
import type { Ring } from "../core/transfer/transfer-records.ts";
import { ownTransfer } from "../core/transfer/read-transfer.ts";
import { accept } from "../core/transfer/request-transfer.ts";
import { answerOnce } from "./answer-once.ts";
import { callerOf } from "./guards.ts";
import { parse } from "./parse.ts";
import { NewTransfer, type Transfer } from "./schemas.ts";

type TransferPorts = Pick<Ports, "store" | "queue" | "clock" | "policy" | "issuer"> & { callers: CallerTokens };

/** A platform that holds a consent token asks for the delivery (S-113: push to a reachable platform). */
export async function postTransfer(ports: TransferPorts, req: Request, res: Response): Promise<void> {
  const caller = await callerOf(ports, req);
  const { consent, full: isFull = false } = parse(NewTransfer, req.body, "body");
  const rings: Ring[] = [];
  const isNew = await answerOnce(ports, { req, res, caller: caller.clientEntityId, consentId: caller.consentId }, async (w, now) => {
    const consentId = asId("consent", consent);
    if (consentId !== caller.consentId)
      throw new RelaisError("consent_missing", "The token carries another consent. Use the token of this consent.");
    const asked = { consentId, personId: caller.personId, isByParticipant: true, isFull };
    const { id, epoch } = await accept(w, asked, { policy: ports.policy, now });
    rings.splice(0, rings.length, { transferId: id, epoch });
    const body = JSON.stringify(await describe(w, { transferId: id, personId: caller.personId }));
    return { status: 202, location: `/v1/transfers/${id}`, body, consentId };
  });
  // The doorbell may be out of order: the sweep rings again from the table.
  if (isNew) await ports.queue.ring(rings).catch(() => undefined);
}

export async function getTransfer(ports: TransferPorts, req: Request, res: Response): Promise<void> {
  const caller = await callerOf(ports, req);
  const transferId = asId("transfer", req.params["id"]);
  const described = await ports.store.read((r) => describe(r, { transferId, personId: caller.personId }));
  if (described.consent !== caller.consentId) throw new RelaisError("not_found", "There is no transfer with this id.");
  res.json(described);
}

async function describe(r: Reader, query: Parameters<typeof ownTransfer>[1]): Promise<z.infer<typeof Transfer>> {
  const transfer = await ownTransfer(r, query);
  const progress = await r.transfers.progress(transfer.id);
  return {
    id: transfer.id,
    consent: transfer.consentId,
    state: transfer.state,
    reason: transfer.reason,
    actor: transfer.actor,
    created_at: transfer.createdAt.toISOString(),
    ended_at: transfer.endedAt?.toISOString() ?? null,
    datasets: progress.map(({ dataset, expected, sent, stored, verified, omitted }) => ({
      dataset,
      consented: expected,
      sent,
      stored,
      verified,
      omitted,
    })),
  };
}
