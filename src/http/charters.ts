import type { Request, Response } from "express";
import { RelaisError } from "../core/errors.ts";
import { diffCharters } from "../core/register/charter-diff.ts";
import type { RoutePorts } from "./route-ports.ts";

/** Versions of the charter, newest first. */
export async function listCharters({ charters, clock }: RoutePorts, _req: Request, res: Response): Promise<void> {
  const current = charters.current(clock.now()).version;
  res.json({
    charters: charters.list().map(({ version, title, label, from, until, validUntil, digest, criteria }) => ({
      version,
      current: version === current,
      title,
      label,
      from,
      until,
      valid_until: validUntil,
      digest,
      criteria: criteria.length,
    })),
  });
}

/** One version, whole: criteria, questions, checks. All questions are public beforehand. */
export async function getCharter({ charters }: RoutePorts, req: Request, res: Response): Promise<void> {
  res.json(charters.get(String(req.params["version"])));
}

/** One criterion, and how many accredited participants meet it now. @throws RelaisError `not_found`. */
export async function getCriterion({ charters, store }: RoutePorts, req: Request, res: Response): Promise<void> {
  const { version, criteria } = charters.get(String(req.params["version"]));
  const criterion = criteria.find(({ id }) => id === req.params["criterion"]);
  if (criterion === undefined) throw new RelaisError("not_found", `Version ${version} of the charter has no such criterion.`);
  const counts = (await store.read((r) => r.indicators.metBy(version))).get(criterion.id) ?? { asked: 0, met: 0 };
  res.json({ ...criterion, met_by: counts });
}

export async function getCharterDiff({ charters }: RoutePorts, req: Request, res: Response): Promise<void> {
  const [from, to] = [charters.get(String(req.params["from"])), charters.get(String(req.params["to"]))];
  const { added, removed, changed } = diffCharters(from, to);
  res.json({
    from: from.version,
    to: to.version,
    added: added.map(({ id }) => id),
    removed: removed.map(({ id }) => id),
    changed: changed.map(({ criterion, members }) => ({ criterion: criterion.id, members })),
  });
}
