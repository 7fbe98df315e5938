import type { Request, Response } from "express";
import { asId } from "../core/ids.ts";
import { confirmKeys, readKeys, type KeyQuestion } from "../core/register/confirm-keys.ts";
import { accreditorName, mayRead } from "../core/register/register-caller.ts";
import * as schemas from "./case-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const participantIn = (req: Request) => asId("participant", req.params["id"]);

/** For the participant itself, accreditors and the authority. */
export async function getKeys(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  mayRead(await registerCallerOf(ports, req), participantIn(req));
  res.json(bodyOf(await ports.store.read((r) => readKeys(r, participantIn(req)))));
}

export async function postKeys(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  accreditorName(caller);
  const { keys } = parse(schemas.KeyConfirmation, req.body, "body");
  await confirmKeys(ports, caller, { participantId: participantIn(req), thumbprints: keys });
  res.json(bodyOf(await ports.store.read((r) => readKeys(r, participantIn(req)))));
}

function bodyOf({ known, published, waiting, confirmer }: KeyQuestion) {
  return { known, published, waiting, confirmed_by: confirmer };
}
