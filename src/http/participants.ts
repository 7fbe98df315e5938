import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import type { z } from "zod";
import { tokenChecking } from "../core/consent/token-lifetime.ts";
import { asId } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import { isAccredited, type Participant, type TrustMark } from "../core/register/participant.ts";
import { readParticipation, type Participation } from "../core/register/participation.ts";
import { CSV_HEAD, csvOf } from "../core/register/register-csv.ts";
import type { RegisterFilter } from "../core/register/register-reader.ts";
import { searchRegister, walkRegister } from "../core/register/search-register.ts";
import { standingOf } from "../core/register/standing.ts";
import { parse } from "./parse.ts";
import { ParticipantsQuery, ParticipantsFilter, type Participant as ParticipantSchema, type ParticipantDetails } from "./schemas.ts";

type RegisterPorts = Pick<Ports, "store" | "clock">;

const PAGE = 200;
const CSV = "text/csv";

/** The public register: in pages as JSON, where `Link` leads to the next one (RFC 8288), or whole as CSV. */
export async function listParticipants(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  res.vary("Accept");
  if (req.accepts(["application/json", CSV]) === CSV) return exportParticipants(ports, req, res);
  const { cursor, limit = PAGE, ...asked } = parse(ParticipantsQuery, req.query, "query");
  const filter = filterOf(asked);
  const { entries, total, next } = await searchRegister(ports, { ...filter, cursor, limit });
  if (next !== null) res.set("Link", `</v1/participants?${addressOf({ ...req.query, cursor: next })}>; rel="next"`);
  const now = ports.clock.now();
  res.json({ participants: entries.map(({ participant, mark }) => describe(participant, mark, now)), total, next });
}

function addressOf(query: Record<string, unknown>): string {
  return new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
}

function filterOf({ entity_id: entityId, ...plain }: z.infer<typeof ParticipantsFilter>): RegisterFilter {
  return Object.fromEntries(Object.entries({ ...plain, entityId }).filter(([, value]) => value !== undefined));
}

/** Everybody whom the filter lets through, as RFC 4180 says, a page at a time: the register is never in memory as a whole. */
export async function exportParticipants(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  const filter = filterOf(parse(ParticipantsFilter, req.query, "query"));
  // A mistake in the first page is still an answer of its own; one that comes later breaks the connection off, so that nobody takes a part for all.
  const pages = walkRegister(ports, filter, PAGE);
  const first = await pages.next();
  res.set({ "Content-Type": `${CSV}; charset=utf-8; header=present`, "Content-Disposition": 'attachment; filename="register.csv"' });
  if (req.method === "HEAD") return void res.end();
  const text = async function* () {
    yield CSV_HEAD;
    if (first.done !== true) yield csvOf(first.value, ports.clock.now());
    for await (const entries of pages) yield csvOf(entries, ports.clock.now());
  };
  await pipeline(Readable.from(text()), res).catch((error: unknown) => {
    // Whoever hung up is not told anything more.
    if ((error as { code?: unknown }).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

export async function getParticipant(ports: RegisterPorts, req: Request, res: Response): Promise<void> {
  const id = asId("participant", req.params["id"]);
  const now = ports.clock.now();
  const details = await ports.store.read(async (r) => {
    const described = describe(await r.participants.get(id), await r.participants.findMark(id), now);
    const organisation = await r.accreditations.findOrganisationOf(id);
    return { ...described, participation: participationOf(organisation && (await readParticipation(r, organisation.id, now))) };
  });
  res.json(details satisfies z.infer<typeof ParticipantDetails>);
}

function participationOf(found: Participation | null): z.infer<typeof ParticipantDetails>["participation"] {
  if (found === null) return null;
  const { level, since, history, next } = found;
  return { level, since: since.toISOString(), history: history.map((one) => ({ level: one.level, since: one.since.toISOString() })), next };
}

function describe(participant: Participant, mark: TrustMark | null, now: Date): z.infer<typeof ParticipantSchema> {
  const checking = tokenChecking(participant);
  return {
    id: participant.id,
    entity_id: participant.entityId,
    name: participant.name,
    roles: participant.roles,
    status: standingOf(participant, mark, now),
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
    access_tokens: checking && { format: checking.format, withdrawal_lag_seconds: checking.lagSeconds },
  };
}
