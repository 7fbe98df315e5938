import type { Request, Response } from "express";
import type { z } from "zod";
import { asId } from "../core/ids.ts";
import { accreditorName } from "../core/register/register-caller.ts";
import * as schemas from "./holder-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const PAGE = 100;

/** Every restriction of a platform by a holder, newest first: for accreditors and the authority. */
export async function listRestrictions(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  if (caller.kind !== "authority") accreditorName(caller);
  const { platform, holder, before, limit = PAGE } = parse(schemas.RestrictionsQuery, req.query, "query");
  const { found, names } = await ports.store.read(async (r) => {
    const restrictions = await r.conditions.restrictions({
      ...(platform === undefined ? {} : { platformId: asId("participant", platform) }),
      ...(holder === undefined ? {} : { holderId: asId("participant", holder) }),
      ...(before === undefined ? {} : { before }),
      limit: limit + 1,
    });
    const ids = [...new Set(restrictions.flatMap(({ holderId, platformId }) => [holderId, platformId]))];
    return { found: restrictions, names: await r.participants.names(ids) };
  });
  const shown = found.slice(0, limit);
  res.json({
    restrictions: shown.map(({ holderId, platformId, kind, dataset, reason, changedAt, logIndex }) => ({
      holder: holderId,
      holder_name: names.get(holderId) ?? holderId,
      platform: platformId,
      platform_name: names.get(platformId) ?? platformId,
      kind,
      dataset,
      reason,
      changed_at: changedAt.toISOString(),
      log_index: logIndex,
    })),
    next: found.length > limit ? (shown.at(-1)?.logIndex ?? null) : null,
  } satisfies z.infer<typeof schemas.Restrictions>);
}

/** Whom this token stands for. */
export async function getMe(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const participant = caller.kind === "participant" ? await ports.store.read((r) => r.participants.get(caller.participantId)) : null;
  res.json({
    kind: caller.kind,
    name: participant?.name ?? caller.name,
    participant: participant?.id ?? null,
    roles: participant?.roles ?? [],
  } satisfies z.infer<typeof schemas.Me>);
}
