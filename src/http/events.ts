import type { Request, Response } from "express";
import { pollNotices } from "../core/events/poll-notices.ts";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import { accreditorName, mayRead } from "../core/register/register-caller.ts";
import * as schemas from "./case-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

/** An event that the participant could not use stays unacknowledged, and comes again: it is for the participant to mend. */
export async function postPoll(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { ack, maxEvents } = parse(schemas.Poll, req.body, "body");
  res.json(await pollNotices(ports, caller, { ack, maxEvents: maxEvents ?? null }));
}

const MOST = 1000;

export async function listNotices(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const id = asId("participant", req.params["id"]);
  mayRead(caller, id);
  const notices = await ports.store.read((r) => r.outbox.about(id, MOST));
  res.json({
    notices: notices.map((one) => ({
      id: one.id,
      recipient: one.recipientId,
      name: one.recipientName,
      type: one.type,
      created_at: one.createdAt.toISOString(),
      acknowledged_at: one.acknowledgedAt?.toISOString() ?? null,
      given_up_at: one.givenUpAt?.toISOString() ?? null,
      attempts: one.attempts,
      last_failure: one.lastFailure,
    })),
  });
}

export async function postRetry(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  if (caller.kind !== "operator") accreditorName(caller);
  const isDue = await ports.store.write((w) => w.notices.retry(asId("event", req.params["id"]), ports.clock.now()));
  if (!isDue) throw new RelaisError("conflict", "This notice was not given up: it is on its way, or acknowledged.");
  res.status(204).end();
}
