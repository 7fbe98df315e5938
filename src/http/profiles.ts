import type { Request, Response } from "express";
import { z } from "zod";
import { asId } from "../core/ids.ts";
import type { Assessment } from "../core/register/assessment.ts";
import { FEWEST_PEOPLE, WINDOW_DAYS, type Indicators } from "../core/register/indicators.ts";
import { allowedActs, readProfile, type Restrictions } from "../core/register/profile.ts";
import type { RoutePorts } from "./route-ports.ts";

const time = z.iso.datetime();
const words = z.object({ fr: z.string(), en: z.string() });
const count = z.int().min(0);

export const Profile = z
  .object({
    id: z.string(),
    entity_id: z.url(),
    name: z.string(),
    organisation: z.object({ name: z.string(), country: z.string() }).nullable(),
    standing: z.enum(["registered", "accredited", "suspended", "revoked", "expired"]),
    allowed: z.record(z.string(), z.boolean()).meta({ description: "What may still happen at this standing" }),
    assessment: z
      .object({
        charter: z.string(),
        charter_digest: z.string(),
        level: z.int(),
        until: time.nullable(),
        criteria: z.array(
          z.object({
            criterion: z.string(),
            section: z.string(),
            title: words,
            outcome: z.enum(["met", "not_met", "not_shown"]),
            because: words,
            method: z.enum(["probe", "published", "answer", "signature", "evidence", "review"]),
            looked_at: time.nullable(),
            next_at: time.nullable(),
          }),
        ),
        answers: z
          .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
          .meta({ description: "Answers to the questions that the charter marks as public" }),
      })
      .nullable()
      .meta({ description: "Null where the accreditation comes from no application: level 0, or the operator's word" }),
    restrictions: z.array(
      z.object({ holder: z.string(), dataset: z.string(), state: z.enum(["excluded", "closed", "in_discussion", "test"]), reason: words }),
    ),
    indicators: z.object({
      days: z.int().meta({ description: `Days that the figures are about, today left out; suspensions: a year` }),
      looks: z.object({ days: count, passed: count }),
      suspensions: count,
      deliveries: z
        .object({ ended: count, verified: count })
        .nullable()
        .meta({ description: `Null where they concern fewer than ${FEWEST_PEOPLE} people` }),
      events: z.object({ told: count, acknowledged: count, median_seconds: z.number().nullable() }),
    }),
  })
  .meta({ id: "Profile" });

export async function getProfile({ store, charters, clock }: RoutePorts, req: Request, res: Response): Promise<void> {
  const id = asId("participant", req.params["id"]);
  const profile = await store.read((r) => readProfile(r, charters, id, clock.now()));
  const { participant, organisation, standing, assessment, restrictions, indicators } = profile;
  const body: z.infer<typeof Profile> = {
    id,
    entity_id: participant.entityId,
    name: participant.name,
    organisation: organisation && { name: organisation.name, country: organisation.country },
    standing,
    allowed: Object.fromEntries(allowedActs(profile).map(({ act, isAllowed }) => [act, isAllowed])),
    assessment: assessment && assessmentOf(assessment),
    restrictions: restrictionsOf(restrictions),
    indicators: indicatorsOf(indicators),
  };
  res.json(body);
}

function assessmentOf({ charter, level, until, criteria, answers }: Assessment) {
  return {
    charter: charter.version,
    charter_digest: charter.digest,
    level,
    until: until && until.toISOString(),
    criteria: criteria.map(({ criterion, outcome, because, method, lookedAt, nextAt }) => ({
      criterion: criterion.id,
      section: criterion.section,
      title: criterion.title,
      outcome,
      because,
      method,
      looked_at: lookedAt && lookedAt.toISOString(),
      next_at: nextAt && nextAt.toISOString(),
    })),
    answers: Object.fromEntries(answers.map(({ question, value }) => [question.answer, value])),
  };
}

function restrictionsOf({ stated }: Restrictions) {
  return stated.map(({ holderId, kind, dataset, reason }) => ({ holder: holderId, dataset, state: kind, reason }));
}

function indicatorsOf({ looks, suspensions, deliveries, events }: Indicators) {
  const { told, acknowledged, medianSeconds } = events;
  return { days: WINDOW_DAYS, looks, suspensions, deliveries, events: { told, acknowledged, median_seconds: medianSeconds } };
}
