import type { Request, Response } from "express";
import type { z } from "zod";
import { asId } from "../core/ids.ts";
import type { Ports, Reader } from "../core/ports.ts";
import { isAccredited, type Participant } from "../core/register/participant.ts";
import type { Participant as ParticipantSchema } from "./schemas.ts";

type RegisterPorts = Pick<Ports, "store" | "clock">;

/** The public register. */
export async function listParticipants(ports: RegisterPorts, _req: Request, res: Response): Promise<void> {
  const participants = await ports.store.read(async (r) =>
    Promise.all((await r.participants.list()).map((participant) => describe(r, participant, ports.clock.now()))),
  );
  res.json({ participants });
}

export async function getParticipant(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  const id = asId("participant", req.params["id"]);
  res.json(await ports.store.read(async (r) => describe(r, await r.participants.get(id), ports.clock.now())));
}

async function describe(r: Reader, participant: Participant, now: Date): Promise<z.infer<typeof ParticipantSchema>> {
  const mark = await r.participants.findMark(participant.id);
  return {
    id: participant.id,
    entity_id: participant.entityId,
    name: participant.name,
    roles: participant.roles,
    status: participant.status,
    country: participant.about.country,
    adapter: participant.adapter,
    datasets: participant.datasets.map(({ id, kind, title, description, example, updateFrequency }) => ({
      id,
      kind,
      title,
      description,
      example,
      update_frequency: updateFrequency,
    })),
    trust_mark:
      mark !== null && isAccredited(participant, mark, now)
        ? { jwt: mark.jwt, level: mark.level, expires_at: mark.expiresAt.toISOString() }
        : null,
  };
}
