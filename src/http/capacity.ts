import type { Request, Response } from "express";
import type { z } from "zod";
import { UNSTATED } from "../core/dispatch/capacity.ts";
import { pauseDispatch, readCapacity, resumeDispatch, setCapacity } from "../core/dispatch/change-capacity.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import type { RegisterCaller } from "../core/register/register-caller.ts";
import * as schemas from "./capacity-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

type About = { caller: RegisterCaller; participantId: ParticipantId };

/** What a participant takes, and what is paused. */
export async function getCapacity(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  await answer(ports, await aboutOf(ports, req), res);
}

export async function putCapacity(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const about = await aboutOf(ports, req);
  const { per_second: perSecond, per_hour: perHour, concurrent, hours } = parse(schemas.NewCapacity, req.body, "body");
  const stated = hours === null ? null : { timeZone: hours.time_zone, from: hours.from, to: hours.to, days: hours.days };
  await setCapacity(ports, about, { perSecond, perHour, concurrent, hours: stated });
  await answer(ports, about, res);
}

export async function putPause(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const about = await aboutOf(ports, req);
  const { reason } = parse(schemas.NewPause, req.body, "body");
  await pauseDispatch(ports, about, { dataset: String(req.params["dataset"]), reason });
  await answer(ports, about, res);
}

export async function deletePause(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const about = await aboutOf(ports, req);
  await resumeDispatch(ports, about, { dataset: String(req.params["dataset"]) });
  await answer(ports, about, res);
}

/** Whoever the token stands for, about the participant in the address; the core says whether it may. */
async function aboutOf(ports: RoutePorts, req: Request): Promise<About> {
  return { caller: await registerCallerOf(ports, req), participantId: asId("participant", req.params["id"]) };
}

async function answer(ports: RoutePorts, about: About, res: Response): Promise<void> {
  const { capacity, pauses } = await readCapacity(ports, about);
  const { perSecond, perHour, concurrent, hours } = capacity ?? UNSTATED;
  res.json({
    participant: about.participantId,
    per_second: perSecond,
    per_hour: perHour,
    concurrent,
    hours: hours === null ? null : { time_zone: hours.timeZone, from: hours.from, to: hours.to, days: hours.days },
    set_by: capacity?.setBy ?? null,
    changed_at: capacity?.changedAt.toISOString() ?? null,
    pauses: pauses.map(({ dataset, by, reason, since }) => ({ dataset, by, reason, since: since.toISOString() })),
  } satisfies z.infer<typeof schemas.Capacity>);
}
