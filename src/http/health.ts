import type { Request, Response } from "express";
import type { Ports } from "../core/ports.ts";

/** Alive: this process answers. Says nothing about what it needs. */
export async function getLive(_ports: unknown, _req: Request, res: Response): Promise<void> {
  res.json({ status: "ok" });
}

/** Ready: the database answers too. @throws `unavailable`. */
export async function getReady(ports: Pick<Ports, "store">, _req: Request, res: Response): Promise<void> {
  await ports.store.read((r) => r.transfers.due(1));
  res.json({ status: "ok" });
}
