import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import { versionOf } from "../core/policy/change-conditions.ts";
import type { Access, Condition, Exclusion } from "../core/policy/conditions.ts";
import type { Ports } from "../core/ports.ts";
import type { Conditions as ConditionsSchema } from "./schemas.ts";

/** What a holder asks of platforms, and which it restricts, with its reasons. Public: nobody is restricted in silence. */
export async function getConditions(ports: Pick<Ports, "store">, req: Request, res: Response): Promise<void> {
  const id = asId("participant", req.params["id"]);
  const said = await ports.store.read(async (r) => {
    const holder = await r.participants.get(id);
    if (!holder.roles.includes("holder")) throw new RelaisError("not_found", "This participant is not a holder.");
    return r.conditions.of(id);
  });
  const body: z.infer<typeof ConditionsSchema> = {
    holder: id,
    conditions: said.conditions.map(conditionOf),
    exclusions: said.exclusions.map(exclusionOf),
    access: said.access.map(accessOf),
  };
  res.set("ETag", `"${versionOf(said)}"`).json(body);
}

function conditionOf({ dataset, minimumLevel, regions, certificates, ...row }: Condition) {
  return { dataset, minimum_level: minimumLevel, regions, certificates, reason: row.reason, ...placeOf(row) };
}

function exclusionOf({ platformId, dataset, reason, ...row }: Exclusion) {
  return { platform: platformId, dataset, reason, ...placeOf(row) };
}

function accessOf({ platformId, state, reason, ...row }: Access) {
  return { platform: platformId, state, reason, ...placeOf(row) };
}

function placeOf({ changedAt, logIndex }: { changedAt: Date; logIndex: number }) {
  return { changed_at: changedAt.toISOString(), log_index: logIndex };
}
