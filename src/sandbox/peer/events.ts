import express, { Router, type Request, type Response } from "express";
import { RelaisError } from "../../core/errors.ts";
import type { Relais } from "./relais.ts";

/** What Relais told, as a program of the sandbox took it. */
export interface Told {
  jti: string;
  event: string;
  about: string;
  /** Null where it is about a participant. */
  consent: string | null;
  at: string;
}

const MOST = 500;

/** Takes security events by push (RFC 8935): signed by Relais, for this participant, each once. `GET` shows what was told. */
export function eventRoutes({ relais, entityId }: { relais: Pick<Relais, "verifyDocument" | "issuer">; entityId: string }): Router {
  const router = Router();
  const told = new Map<string, Told>();
  const keep = (taken: Told | string, response: Response): void => {
    if (typeof taken === "string") return void response.status(400).json({ err: "invalid_request", description: taken });
    if (told.size >= MOST) told.clear();
    told.set(taken.jti, taken);
    response.status(202).end();
  };
  router.post("/", express.text({ type: () => true, limit: "64kb" }), (request: Request, response: Response) =>
    take({ relais, entityId }, String(request.body))
      .catch((error: unknown) => refusalOf(error))
      .then((taken) => keep(taken, response)),
  );
  router.get("/", (_request, response) => void response.set("cache-control", "no-store").json([...told.values()]));
  return router;
}

/** That Relais cannot be asked for its keys is not the event's flaw. */
function refusalOf(error: unknown): string {
  if (error instanceof RelaisError && error.code !== "peer_unavailable") return error.message;
  throw error;
}

function consentIn(events: object | undefined): string | null {
  const [members] = Object.values(events ?? {}) as ({ consent?: unknown } | null)[];
  return typeof members?.consent === "string" ? members.consent : null;
}

async function take({ relais, entityId }: Parameters<typeof eventRoutes>[0], jws: string): Promise<Told> {
  const set = await relais.verifyDocument(jws.trim(), "secevent+jwt");
  const { jti, sub_id: subject, events } = set as { jti?: unknown; sub_id?: { uri?: unknown; id?: unknown }; events?: object };
  const [event] = Object.keys(events ?? {});
  if (set["iss"] !== relais.issuer || set["aud"] !== entityId) throw new RelaisError("invalid", "This event is for somebody else.");
  const about = subject?.uri ?? subject?.id;
  if (typeof jti !== "string" || event === undefined || typeof about !== "string")
    throw new RelaisError("invalid", "This event lacks its jti, its subject or its event.");
  return { jti, event: event.split("/").at(-1) ?? event, about, consent: consentIn(events), at: new Date().toISOString() };
}
