import { asId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import type { Role } from "../../core/register/participant.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { viewOfConditions, type HolderConditions } from "./conditions.ts";
import { namesOf, rowOfParticipant, viewOfParticipant, type Entry } from "./view.ts";

const ROLES = ["holder", "platform", "service"] as const satisfies readonly Role[];

export async function register(ports: PagesPorts, { tongue, query }: Visit): Promise<Answer> {
  const role = ROLES.find((known) => known === query.one("role"));
  const entries = await ports.store.read((r) => readEntries(r, role));
  const now = ports.clock.now();
  const filters = [null, ...ROLES].map((one) => ({
    text: one === null ? tongue.t("register.everybody") : tongue.t(`roles.${one}`),
    href: one === null ? `/${tongue.lang}/register` : `/${tongue.lang}/register?role=${one}`,
    isHere: one === (role ?? null),
  }));
  const rows = entries.map((entry) => rowOfParticipant(tongue, entry, now));
  return { kind: "page", template: "register", title: tongue.t("register.title"), model: { rows, filters } };
}

export async function participant(ports: PagesPorts, { tongue, params }: Visit): Promise<Answer> {
  const id = asId("participant", params["id"]);
  const { entry, said } = await ports.store.read(async (r) => {
    const found = { participant: await r.participants.get(id), mark: await r.participants.findMark(id) };
    return { entry: found, said: found.participant.roles.includes("holder") ? await readConditions(r, id) : null };
  });
  return {
    kind: "page",
    template: "participant",
    title: entry.participant.name,
    model: {
      ...viewOfParticipant(tongue, entry, ports.clock.now()),
      conditions: viewOfConditions(tongue, entry.participant, said),
    },
  };
}

async function readConditions(r: Reader, id: ParticipantId): Promise<HolderConditions> {
  const said = await r.conditions.of(id);
  const named = new Set([...said.exclusions, ...said.access].map(({ platformId }) => platformId));
  const platforms = await Promise.all([...named].map((platformId) => r.participants.get(platformId)));
  return { ...said, names: namesOf(platforms) };
}

/** The register, in the order of the names. */
export async function readEntries(r: Reader, role?: Role): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const one of await r.participants.list(role === undefined ? {} : { role }))
    entries.push({ participant: one, mark: await r.participants.findMark(one.id) });
  return entries.sort((a, b) => a.participant.name.localeCompare(b.participant.name, "fr"));
}
