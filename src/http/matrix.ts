import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import { versionOf } from "../core/policy/change-conditions.ts";
import type { HolderReview } from "../core/policy/conditions.ts";
import { readMatrixOf, readMatrixPage, readMatrixRow, type MatrixRow } from "../core/policy/read-matrix.ts";
import { recordReview } from "../core/policy/record-review.ts";
import type { Reader } from "../core/ports.ts";
import { summarizeEvidence } from "../core/register/evidence-summary.ts";
import { mayRead } from "../core/register/register-caller.ts";
import * as schemas from "./holder-schemas.ts";
import { meetingsOf } from "./meetings.ts";
import { afterOf } from "./participants.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const PAGE = 100;
const MOST_MEETINGS = 100;

/** The holder itself, accreditors and the authority. */
async function readerOf(ports: RoutePorts, req: Request): Promise<ParticipantId> {
  const caller = await registerCallerOf(ports, req);
  const holderId = asId("participant", req.params["id"]);
  mayRead(caller, holderId);
  return holderId;
}

async function holderMatrix(r: Reader, ports: RoutePorts, holderId: ParticipantId) {
  const matrix = await readMatrixOf(r, ports.policy, holderId, ports.clock.now());
  if (!matrix.holder.participant.roles.includes("holder")) throw new RelaisError("not_found", "This participant is not a holder.");
  return matrix;
}

/** The holder against every platform, in pages in the order of their names. */
export async function getMatrix(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const holderId = await readerOf(ports, req);
  const { name, cursor, limit = PAGE } = parse(schemas.MatrixQuery, req.query, "query");
  const { matrix, rows } = await ports.store.read(async (r) => {
    const found = await holderMatrix(r, ports, holderId);
    return { matrix: found, rows: await readMatrixPage(r, found, { ...(name ? { name } : {}), ...afterOf(cursor), limit: limit + 1 }) };
  });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1)?.platform.participant;
  const next = rows.length > limit && last ? Buffer.from(JSON.stringify([last.name, last.id])).toString("base64url") : null;
  if (next !== null) {
    const query = new URLSearchParams({ ...(name ? { name } : {}), limit: String(limit), cursor: next });
    res.set("Link", `</v1/participants/${holderId}/matrix?${query}>; rel="next"`);
  }
  const version = versionOf(matrix.said);
  res.set("ETag", `"${version}"`).json({
    holder: holderId,
    version,
    datasets: matrix.holder.participant.datasets.map(({ id }) => id),
    platforms: shown.map(rowOf),
    next,
  } satisfies z.infer<typeof schemas.Matrix>);
}

/** One platform, with what the holder may see of its evidence. */
export async function getMatrixRow(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const holderId = await readerOf(ports, req);
  const platformId = asId("participant", req.params["platform"]);
  const body = await ports.store.read(async (r) => {
    const matrix = await holderMatrix(r, ports, holderId);
    const row = await readMatrixRow(r, matrix, platformId);
    const { participant } = row.platform;
    if (!participant.roles.includes("platform")) throw new RelaisError("not_found", "This participant is not a platform.");
    const { charter, criteria, evidence } = await summarizeEvidence(r, ports.charters, participant, ports.clock.now());
    return {
      ...rowOf(row),
      charter,
      criteria: criteria.map(({ criterion, outcome }) => ({ criterion: criterion.id, outcome })),
      evidence: evidence.map(({ kind, issuer, date, validUntil }) => ({ kind, issuer, date, valid_until: validUntil })),
      meetings: await meetingsOf(r, await r.meetings.list({ holderId, platformId, limit: MOST_MEETINGS })),
      version: versionOf(matrix.said),
    } satisfies z.infer<typeof schemas.PlatformSummary>;
  });
  res.set("ETag", `"${body.version}"`).json(body);
}

function rowOf({ platform, standing, state, access, exclusions, certificates, refused }: MatrixRow): z.infer<typeof schemas.MatrixRow> {
  const { participant, mark } = platform;
  return {
    platform: participant.id,
    name: participant.name,
    standing,
    level: mark?.level ?? null,
    country: participant.about.country,
    state,
    reason: access?.reason ?? null,
    test_accounts: access?.testAccounts.length ?? 0,
    exclusions: exclusions.map(({ dataset, reason, changedAt, logIndex }) => ({
      dataset,
      reason,
      changed_at: changedAt.toISOString(),
      log_index: logIndex,
    })),
    certificates: certificates.map(({ certificate, issuer, validUntil }) => ({ certificate, issuer, valid_until: validUntil })),
    refused,
  };
}

export async function getReviews(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const holderId = await readerOf(ports, req);
  const { platform } = parse(schemas.ReviewsQuery, req.query, "query");
  const platformId = platform === undefined ? undefined : asId("participant", platform);
  const reviews = await ports.store.read((r) => r.conditions.reviews(holderId, platformId));
  res.json({ reviews: reviews.map(reviewOf) });
}

export async function postHolderReview(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  if (caller.kind !== "participant") throw new RelaisError("forbidden", "Only the holder itself records its reviews.", { actor: "holder" });
  const { platform, ...found } = parse(schemas.NewHolderReview, req.body, "body");
  const who = { caller: caller.participantId, holderId: asId("participant", req.params["id"]) };
  const review = await recordReview(ports, who, { platformId: asId("participant", platform), ...found });
  res.status(201).json(reviewOf(review));
}

function reviewOf({ holderId, platformId, recordedAt, ...review }: HolderReview): z.infer<typeof schemas.HolderReview> {
  return { ...review, holder: holderId, platform: platformId, recorded_at: recordedAt.toISOString() };
}
