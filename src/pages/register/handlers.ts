import { asId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import { readProfile, type Profile } from "../../core/register/profile.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { linesOfDecisions } from "../accreditation/view.ts";
import { viewOfConditions, type HolderConditions } from "./conditions.ts";
import { viewOfProfile } from "./profile.ts";
import { namesOf } from "./view.ts";

export async function participant(ports: PagesPorts, { tongue, params }: Visit): Promise<Answer> {
  const id = asId("participant", params["id"]);
  const now = ports.clock.now();
  const model = await ports.store.read(async (r) => pageOfProfile(r, tongue, await readProfile(r, ports.charters, id, now), now));
  return { kind: "page", template: "participant", title: model.name, model };
}

/** Everything on the page of a participant, also for its preview. */
export async function pageOfProfile(r: Reader, tongue: Tongue, profile: Profile, now: Date) {
  const { participant: found } = profile;
  const said = found.roles.includes("holder") ? await readConditions(r, found.id) : null;
  return {
    ...viewOfProfile(tongue, profile, now),
    decisions: linesOfDecisions(tongue, await r.accreditations.decisions({ participantId: found.id, limit: 50 })),
    conditions: viewOfConditions(tongue, found, said),
  };
}

async function readConditions(r: Reader, id: ParticipantId): Promise<HolderConditions> {
  const said = await r.conditions.of(id);
  const named = new Set([...said.exclusions, ...said.access].map(({ platformId }) => platformId));
  return { ...said, names: namesOf(await r.registered.named(named)) };
}
