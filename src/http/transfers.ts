import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import type { CallerTokens, Ports } from "../core/ports.ts";
import { readTransfer } from "../core/transfer/read-transfer.ts";
import { requestTransfer } from "../core/transfer/request-transfer.ts";
import { callerOf } from "./guards.ts";
import { parse } from "./parse.ts";
import { IdempotencyKey, NewTransfer, type Transfer } from "./schemas.ts";

type TransferPorts = Pick<Ports, "store" | "queue" | "clock" | "policy" | "issuer"> & { callers: CallerTokens };

/** A platform that holds a consent token asks for the delivery (S-113: push to a reachable platform). */
export async function postTransfer(ports: TransferPorts, req: Request, res: Response): Promise<void> {
  const caller = await callerOf(ports, req);
  const { "idempotency-key": idempotencyKey } = parse(IdempotencyKey, req.headers, "header");
  const { consent } = parse(NewTransfer, req.body, "body");
  const consentId = asId("consent", consent);
  if (consentId !== caller.consentId)
    throw new RelaisError("consent_missing", "The token carries another consent. Use the token of this consent.");
  const transfer = await requestTransfer(ports, { consentId, personId: caller.personId, caller: caller.clientEntityId, idempotencyKey });
  res
    .status(202)
    .location(`/v1/transfers/${transfer.id}`)
    .json(await describe(ports, transfer.id, caller.personId));
}

export async function getTransfer(ports: TransferPorts, req: Request, res: Response): Promise<void> {
  const caller = await callerOf(ports, req);
  const id = asId("transfer", req.params["id"]);
  const described = await describe(ports, id, caller.personId);
  if (described.consent !== caller.consentId) throw new RelaisError("not_found", "There is no transfer with this id.");
  res.json(described);
}

async function describe(
  ports: TransferPorts,
  transferId: Parameters<typeof readTransfer>[1]["transferId"],
  personId: Parameters<typeof readTransfer>[1]["personId"],
): Promise<z.infer<typeof Transfer>> {
  const { transfer, progress } = await readTransfer(ports, { transferId, personId });
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
