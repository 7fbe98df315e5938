import { asId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import type { Role } from "../../core/register/participant.ts";
import { readProfile, type Profile } from "../../core/register/profile.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { linesOfDecisions } from "../accreditation/view.ts";
import { viewOfConditions, type HolderConditions } from "./conditions.ts";
import { viewOfProfile } from "./profile.ts";
import { namesOf, rowOfParticipant, type Entry } from "./view.ts";

const ROLES = ["holder", "platform", "service"] as const satisfies readonly Role[];

const PAGE = 50;

/** The register by name, in pages. The address of a page holds where it begins, so that it can be kept and shared. */
export async function register(ports: PagesPorts, { tongue, query }: Visit): Promise<Answer> {
  const role = ROLES.find((known) => known === query.one("role"));
  const name = query.one("name").slice(0, 100);
  const after = query.one("after") === "" ? null : { name: query.one("after"), id: query.one("id") };
  const entries = await ports.store.read((r) =>
    readPage(r, { ...(role ? { role } : {}), ...(name ? { name } : {}), ...(after ? { after } : {}), limit: PAGE + 1 }),
  );
  const now = ports.clock.now();
  const addressOf = (members: Record<string, string>): string => {
    const search = new URLSearchParams(Object.entries(members).filter(([, value]) => value !== ""));
    return `/${tongue.lang}/register${search.size > 0 ? `?${search}` : ""}`;
  };
  const filters = [null, ...ROLES].map((one) => ({
    text: one === null ? tongue.t("register.everybody") : tongue.t(`roles.${one}`),
    href: addressOf({ role: one ?? "", name }),
    isHere: one === (role ?? null),
  }));
  const shown = entries.slice(0, PAGE);
  const last = shown.at(-1)?.participant;
  const nextHref = entries.length > PAGE && last ? addressOf({ role: role ?? "", name, after: last.name, id: last.id }) : null;
  const rows = shown.map((entry) => rowOfParticipant(tongue, entry, now));
  return {
    kind: "page",
    template: "register",
    title: tongue.t("register.title"),
    model: { rows, filters, name, role: role ?? "", nextHref },
  };
}

async function readPage(r: Reader, filter: Parameters<Reader["participants"]["page"]>[0]): Promise<Entry[]> {
  const participants = await r.participants.page(filter);
  const marks = await r.participants.findMarks(participants.map(({ id }) => id));
  return participants.map((participant) => ({ participant, mark: marks.get(participant.id) ?? null }));
}

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
  const platforms = await Promise.all([...named].map((platformId) => r.participants.get(platformId)));
  return { ...said, names: namesOf(platforms) };
}

/** Everybody, in the order of the names. */
export async function readEntries(r: Reader): Promise<Entry[]> {
  const participants = await r.participants.list();
  const marks = await r.participants.findMarks(participants.map(({ id }) => id));
  return participants
    .map((participant) => ({ participant, mark: marks.get(participant.id) ?? null }))
    .sort((a, b) => a.participant.name.localeCompare(b.participant.name, "fr"));
}
