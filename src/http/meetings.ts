import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import { answerMeeting } from "../core/policy/answer-meeting.ts";
import { askToOpen } from "../core/policy/ask-to-open.ts";
import type { Meeting } from "../core/policy/meetings.ts";
import type { Reader } from "../core/ports.ts";
import { mustActForSomebody } from "../core/register/register-caller.ts";
import { change, versionIn } from "./holder.ts";
import * as schemas from "./holder-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const MOST = 200;

/** One's own, as a holder that was asked and as a platform that asks; what waits comes first. */
export async function listMeetings(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const id = mustActForSomebody(await registerCallerOf(ports, req));
  const meetings = await ports.store.read(async (r) =>
    meetingsOf(r, [...(await r.meetings.list({ holderId: id, limit: MOST })), ...(await r.meetings.list({ platformId: id, limit: MOST }))]),
  );
  res.json({ meetings });
}

export async function postMeeting(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { holder, message } = parse(schemas.NewMeeting, req.body, "body");
  const meeting = await askToOpen(ports, caller, { holderId: asId("participant", holder), message });
  const [body] = await ports.store.read((r) => meetingsOf(r, [meeting]));
  res.status(201).json(body);
}

/** The holder's answer is a move in its matrix: it can be tried first (`dry_run`), and it can be too late (`If-Match`). */
export async function postMeetingAnswer(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { test_accounts: testAccounts, ...answer } = parse(schemas.MeetingAnswer, req.body, "body");
  const id = mustActForSomebody(caller);
  const { id: meetingId, holderId } = await ports.store.read((r) => r.meetings.get(asId("meeting", req.params["id"])));
  if (holderId !== id) throw new RelaisError("not_found", "There is no such request among yours.");
  const who = { caller: id, holderId, version: versionIn(req) };
  await change(ports, req, res, who, (on) => answerMeeting(on, who, { meetingId, testAccounts, ...answer }));
}

export async function meetingsOf(r: Reader, meetings: Meeting[]): Promise<z.infer<typeof schemas.Meeting>[]> {
  const ids = [...new Set(meetings.flatMap(({ holderId, platformId }) => [holderId, platformId]))];
  const names = await r.participants.names(ids);
  const nameOf = (id: (typeof ids)[number]): string => names.get(id) ?? id;
  return meetings.map(({ id, holderId, platformId, message, state, reason, ...meeting }) => ({
    id,
    holder: holderId,
    holder_name: nameOf(holderId),
    platform: platformId,
    platform_name: nameOf(platformId),
    message,
    asked_at: meeting.askedAt.toISOString(),
    answered_at: meeting.answeredAt?.toISOString() ?? null,
    state,
    reason,
  }));
}
