import type { ParticipantId } from "../ids.ts";
import type { Reader } from "../ports.ts";
import type { Place } from "../register/register-reader.ts";
import { standingOf } from "../register/standing.ts";
import type { Status } from "../register/participant.ts";
import type { Access, AccessState, Exclusion, Said, ShownCertificate, Stance } from "./conditions.ts";
import { endOf, refusals, type Refusal } from "./decide.ts";
import type { End } from "./facts.ts";
import type { Policy } from "./policy.ts";

/** One platform as one holder sees it: its standing, what the holder says of it, and what that comes to now. */
export interface MatrixRow {
  platform: End;
  standing: Status;
  state: AccessState;
  /** What the holder wrote of it; null where it said nothing. */
  access: Access | null;
  exclusions: Exclusion[];
  certificates: ShownCertificate[];
  /** Data sets that may not go there, with the reasons: for a person whose account is not one of the holder's test accounts. */
  refused: Refusal[];
}

interface Matrix {
  holder: End;
  said: Said;
  policy: Policy;
  now: Date;
}

/** What a holder says, read once for however many platforms are held against it. */
export async function readMatrixOf(r: Reader, policy: Policy, holderId: ParticipantId, now: Date): Promise<Matrix> {
  return { holder: await endOf(r, await r.participants.get(holderId)), said: await r.conditions.of(holderId), policy, now };
}

/** A platform, with what no holder says but the register knows. */
export interface Known {
  platform: End;
  certificates: ShownCertificate[];
}

interface Page {
  name?: string;
  after?: Place | undefined;
  limit: number;
}

/** In the order of the names, behind `after`. Three queries, however many rows. */
export async function readPlatforms(r: Reader, now: Date, filter: Page): Promise<Known[]> {
  const platforms = await r.registered.entries({ role: "platform", ...filter }, now);
  const ids = platforms.map(({ participant }) => participant.id);
  const certificates = Map.groupBy(await r.conditions.certificatesOf(ids, now), ({ platformId }) => platformId);
  return platforms.map((platform) => ({ platform, certificates: certificates.get(platform.participant.id) ?? [] }));
}

export async function readMatrixPage(r: Reader, matrix: Matrix, filter: Page): Promise<MatrixRow[]> {
  return (await readPlatforms(r, matrix.now, filter)).map((known) => rowOf(matrix, known));
}

export async function readMatrixRow(r: Reader, matrix: Matrix, platformId: ParticipantId): Promise<MatrixRow> {
  const platform = await endOf(r, await r.participants.get(platformId));
  return rowOf(matrix, { platform, certificates: await r.conditions.certificatesOf([platformId], matrix.now) });
}

export function rowOf({ holder, said, policy, now }: Matrix, { platform, certificates }: Known): MatrixRow {
  const { id } = platform.participant;
  const access = said.access.find(({ platformId }) => platformId === id) ?? null;
  const exclusions = said.exclusions.filter(({ platformId }) => platformId === id);
  const stance: Stance = {
    conditions: said.conditions,
    excluded: exclusions.map(({ dataset }) => dataset),
    access,
    certificates: certificates.map(({ certificate }) => certificate),
  };
  const datasets = holder.participant.datasets.map((dataset) => dataset.id);
  return {
    platform,
    standing: standingOf(platform.participant, platform.mark, now),
    state: access?.state ?? "open",
    access,
    exclusions,
    certificates,
    refused: refusals(policy, { holder, platform }, stance, { datasets, account: null, now }),
  };
}
