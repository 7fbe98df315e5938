import type { Request, Response } from "express";
import type { z } from "zod";
import type { CertificateClaim, ClaimId } from "../core/certificates/claim.ts";
import { certificateFile, handInCertificate, takeBackCertificate } from "../core/certificates/hand-in-certificate.ts";
import { readCertificate, reasonsOf } from "../core/certificates/read-certificate.ts";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import type { Reader } from "../core/ports.ts";
import { mayRead } from "../core/register/register-caller.ts";
import { sendEvidence } from "./applications.ts";
import * as schemas from "./holder-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const MOST = 200;
const idOf = (req: Request): ClaimId => asId("certificate", req.params["id"]);

/** A platform reads its own; accreditors and the authority what waits, the longest first. */
export async function listCertificates(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  if (caller.kind === "operator")
    throw new RelaisError("forbidden", "The operator runs the register and does not read certificates.", { actor: "operator" });
  const certificates = await ports.store.read(async (r) => {
    const found =
      caller.kind === "participant" ? await r.certificates.listOf(caller.participantId, MOST) : await r.certificates.waiting(MOST);
    return Promise.all(found.map((claim) => claimOf(r, claim)));
  });
  res.json({ certificates });
}

/** The file is the body; what is said of it is in the query, because a file has no room for it. */
export async function postCertificate(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { name, valid_until: validUntil, ...said } = parse(schemas.CertificateQuery, req.query, "query");
  const digest = /^sha-256=:([A-Za-z0-9+/]{43}=):$/.exec(req.get("content-digest") ?? "")?.[1] ?? null;
  const claim = await handInCertificate(ports, caller, {
    ...said,
    validUntil,
    fileName: name,
    sha256: digest && Buffer.from(digest, "base64").toString("base64url"),
    content: req.body as Buffer,
  });
  await sendClaim(ports, claim.id, res.status(201).set("Location", `/v1/certificates/${claim.id}`));
}

export async function getCertificate(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  mayRead(caller, (await ports.store.read((r) => r.certificates.get(idOf(req)))).platformId);
  await sendClaim(ports, idOf(req), res);
}

export async function getCertificateFile(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  sendEvidence(res, await certificateFile(ports, await registerCallerOf(ports, req), idOf(req)));
}

export async function deleteCertificate(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  await takeBackCertificate(ports, await registerCallerOf(ports, req), idOf(req));
  res.status(204).end();
}

export async function postReading(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { without_conflict: withoutConflict, ...finding } = parse(schemas.NewReading, req.body, "body");
  await readCertificate(ports, caller, { claimId: idOf(req), withoutConflict, ...finding });
  await sendClaim(ports, idOf(req), res);
}

async function sendClaim({ store }: RoutePorts, id: ClaimId, res: Response): Promise<void> {
  res.json(await store.read(async (r) => claimOf(r, await r.certificates.get(id))));
}

async function claimOf(r: Reader, claim: CertificateClaim): Promise<z.infer<typeof schemas.CertificateClaim>> {
  const readings = await r.certificates.readings(claim.id);
  const { id, certificate, issuer, date, bytes, sha256, state } = claim;
  return {
    id,
    platform: claim.platformId,
    platform_name: (await r.participants.get(claim.platformId)).name,
    certificate,
    issuer,
    date,
    valid_until: claim.validUntil,
    file_name: claim.fileName,
    media_type: claim.mediaType,
    bytes,
    sha256,
    state,
    handed_in_at: claim.handedInAt.toISOString(),
    decided_at: claim.decidedAt?.toISOString() ?? null,
    readings: readings.length,
    reasons: reasonsOf(readings, state),
  };
}
