import type { Request, Response } from "express";
import type { z } from "zod";
import { asId } from "../core/ids.ts";
import { RelaisError } from "../core/errors.ts";
import type { Ports } from "../core/ports.ts";
import { isAccredited, type Participant, type TrustMark } from "../core/register/participant.ts";
import { parse } from "./parse.ts";
import { ParticipantsQuery, type Participant as ParticipantSchema } from "./schemas.ts";

type RegisterPorts = Pick<Ports, "store" | "clock">;

const PAGE = 200;

/** The public register, in pages: `Link` leads to the next one (RFC 8288). */
export async function listParticipants(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  const { role, name, cursor, limit } = parse(ParticipantsQuery, req.query, "query");
  const size = limit ?? PAGE;
  const { participants, marks } = await ports.store.read(async (r) => {
    const page = await r.participants.page({ ...(role ? { role } : {}), ...(name ? { name } : {}), ...afterOf(cursor), limit: size + 1 });
    return { participants: page, marks: await r.participants.findMarks(page.map(({ id }) => id)) };
  });
  const shown = participants.slice(0, size);
  const last = shown.at(-1);
  const next = participants.length > size && last ? Buffer.from(JSON.stringify([last.name, last.id])).toString("base64url") : null;
  if (next !== null) {
    const query = new URLSearchParams({
      ...(role ? { role } : {}),
      ...(name ? { name } : {}),
      ...(limit ? { limit: String(limit) } : {}),
      cursor: next,
    });
    res.set("Link", `</v1/participants?${query}>; rel="next"`);
  }
  const now = ports.clock.now();
  res.json({ participants: shown.map((participant) => describe(participant, marks.get(participant.id) ?? null, now)), next });
}

/** @throws RelaisError `invalid` for a cursor that is not ours. */
export function afterOf(cursor: string | undefined): { after?: { name: string; id: string } } {
  if (cursor === undefined) return {};
  try {
    const [name, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (typeof name === "string" && typeof id === "string") return { after: { name, id } };
  } catch {
    // Refused below.
  }
  throw new RelaisError("invalid", "This cursor is not one that the register gave. Begin with the first page.", { pointers: ["/cursor"] });
}

export async function getParticipant(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  const id = asId("participant", req.params["id"]);
  res.json(
    await ports.store.read(async (r) => describe(await r.participants.get(id), await r.participants.findMark(id), ports.clock.now())),
  );
}

function describe(participant: Participant, mark: TrustMark | null, now: Date): z.infer<typeof ParticipantSchema> {
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
