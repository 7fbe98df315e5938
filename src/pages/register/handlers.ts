import { asId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { linesOfDecisions } from "../accreditation/view.ts";
import { viewOfConditions, type HolderConditions } from "./conditions.ts";
import { namesOf, viewOfParticipant } from "./view.ts";

export async function participant(ports: PagesPorts, { tongue, params }: Visit): Promise<Answer> {
  const id = asId("participant", params["id"]);
  const { entry, said, decisions } = await ports.store.read(async (r) => {
    const found = { participant: await r.participants.get(id), mark: await r.participants.findMark(id) };
    return {
      entry: found,
      said: found.participant.roles.includes("holder") ? await readConditions(r, id) : null,
      decisions: await r.accreditations.decisions({ participantId: id, limit: 50 }),
    };
  });
  return {
    kind: "page",
    template: "participant",
    title: entry.participant.name,
    model: {
      ...viewOfParticipant(tongue, entry, ports.clock.now()),
      decisions: linesOfDecisions(tongue, decisions),
      conditions: viewOfConditions(tongue, entry.participant, said),
    },
  };
}

async function readConditions(r: Reader, id: ParticipantId): Promise<HolderConditions> {
  const said = await r.conditions.of(id);
  const named = new Set([...said.exclusions, ...said.access].map(({ platformId }) => platformId));
  return { ...said, names: namesOf(await r.registered.named(named)) };
}
