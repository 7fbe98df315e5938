import type { Request, Response } from "express";
import { z } from "zod";
import { CONSENT_STATES } from "../core/consent/consent.ts";
import { RelaisError } from "../core/errors.ts";
import type { Check, Party, Verdict as Found } from "../core/verification/verdict.ts";
import type { RoutePorts } from "./route-ports.ts";

const time = z.iso.datetime().nullable();
const party = z.object({ entity_id: z.string(), id: z.string().nullable(), name: z.string().nullable() });

export const Verdict = z
  .object({
    kind: z.enum(["trust_mark", "manifest", "receipt", "consent_receipt", "log_proof", "other"]),
    finding: z
      .enum(["active", "suspended", "revoked", "expired", "holds", "forged", "contradicted", "unknown_key", "not_ours", "unreadable"])
      .meta({
        description: "`holds` for a manifest, a receipt or a proof; `unknown_key`: signed with a key that the register does not know today",
      }),
    about: party.nullable(),
    details: z
      .union([
        z.object({
          level: z.int().nullable(),
          charter: z.string().nullable(),
          issued_at: time,
          expires_at: time,
          log_index: z.int().nullable(),
        }),
        z.object({
          transfer: z.string().nullable(),
          source: party,
          destination: party,
          signed_by: party,
          observed: z.boolean(),
          signed_at: time,
          items: z.int(),
          bytes: z.number(),
          omissions: z.int(),
        }),
        z.object({
          consent: z.string(),
          state: z.enum(CONSENT_STATES),
          at: time,
          source: party,
          destination: party,
          notice_hash: z.string(),
          log_index: z.int(),
          standing: z.enum(["valid", "ended", "suspended"]).meta({ description: "Of the consent, at this moment" }),
        }),
        z.object({
          log: z.string(),
          index: z.int(),
          entry: z.string().nullable(),
          at: time,
          decision: z.string().nullable(),
          decided: z.string().nullable(),
          standing: z.string().nullable(),
        }),
      ])
      .nullable(),
    checks: z.array(
      z.object({
        check: z.enum(["signature", "issued_here", "standing_now", "in_log", "log_today", "kept_copy", "hash_in_log", "text_in_log"]),
        holds: z.boolean(),
      }),
    ),
    unchecked: z
      .array(z.enum(["bearer", "files", "counterpart", "person", "one_history", "rightness"]))
      .meta({ description: "What nobody can see in the document alone" }),
    command: z.string().meta({ description: "How to check it without us; `FILE` is the file that holds it" }),
  })
  .meta({ id: "Verdict" });

const TEXTS = /^(text\/plain|application\/(octet-stream|jwt|jose|[a-z-]+\+jwt))\s*(;|$)/i;

/**
 * The document comes as it is: a compact JWS or the text of a proof file, not JSON around it.
 * @throws RelaisError `unsupported` for another content type, `invalid` for an empty one or other than UTF-8, `too_large` beyond 256 KiB.
 */
export async function postVerification({ verify }: RoutePorts, req: Request, res: Response): Promise<void> {
  const type = req.get("content-type");
  if (type !== undefined && !TEXTS.test(type))
    throw new RelaisError("unsupported", "Send the document itself as text/plain, application/jwt or application/octet-stream.", {
      actor: "client",
    });
  res.json(answerOf(await verify(textOf(req.body))));
}

function textOf(body: unknown): string {
  if (!(body instanceof Uint8Array)) return "";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new RelaisError("invalid", "The document is not text in UTF-8. Send it as you received it.", { cause, actor: "client" });
  }
}

function answerOf({ kind, finding, about, details, checks, unchecked, command }: Found): z.infer<typeof Verdict> {
  return {
    kind,
    finding,
    about: about && partyOf(about),
    details: details && detailsOf(details),
    checks: checks.map(({ check, holds }: Check) => ({ check, holds })),
    unchecked,
    command,
  };
}

function partyOf({ entityId, known }: Party) {
  return { entity_id: entityId, id: known?.id ?? null, name: known?.name ?? null };
}

const timeOf = (at: Date | null): string | null => at && at.toISOString();

function detailsOf(details: NonNullable<Found["details"]>) {
  if ("consent" in details) {
    const { consent, state, at, source, destination, noticeHash, logIndex, standing } = details;
    const ends = { source: partyOf(source), destination: partyOf(destination) };
    return { consent, state, at: timeOf(at), ...ends, notice_hash: noticeHash, log_index: logIndex, standing };
  }
  if ("log" in details) {
    const { log, index, entry, at, decision, decided, standing } = details;
    return { log, index, entry, at: timeOf(at), decision, decided, standing };
  }
  if ("items" in details) {
    const { transfer, source, destination, signedBy, observed, signedAt, items, bytes, omissions } = details;
    const ends = { source: partyOf(source), destination: partyOf(destination), signed_by: partyOf(signedBy) };
    return { transfer, ...ends, observed, signed_at: timeOf(signedAt), items, bytes, omissions };
  }
  const { level, charter, issuedAt, expiresAt, logIndex } = details;
  return { level, charter, issued_at: timeOf(issuedAt), expires_at: timeOf(expiresAt), log_index: logIndex };
}
