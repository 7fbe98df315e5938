import express, { Router, type ErrorRequestHandler, type Request, type Response } from "express";
import { saysOurs, standingOfMark, type MarkPorts } from "../core/federation/mark-standing.ts";
import { validateChain } from "../core/federation/trust-chain.ts";
import { RelaisError } from "../core/errors.ts";
import type { Participant } from "../core/register/participant.ts";
import { clientOfParticipant } from "./clients.ts";

/** By whose signature it is known which participant asks. */
export type RegistrationPorts = MarkPorts & { takesCertificates: boolean };

type ErrorCode = "invalid_software_statement" | "unapproved_software_statement" | "invalid_redirect_uri" | "invalid_client_metadata";

/** RFC 7591 §3.2.2. */
class RegistrationError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, description: string) {
    super(description);
    this.code = code;
  }
}

const BODY_LIMIT = "64kb";

/**
 * Dynamic registration (RFC 7591) through the register: it makes nobody a client. Who is in the register is one already, and is told here, by its
 * software statement, as whom the register knows it: what it published wins over what the request says.
 */
export function registrationRoutes(ports: RegistrationPorts): Router {
  const router = Router();
  router.post("/reg", express.json({ limit: BODY_LIMIT }), (req, res) => register(ports, req, res));
  router.all("/reg", (_req, res) => {
    res.set("Allow", "POST");
    throw new RelaisError("method_not_allowed", "This address takes POST.");
  });
  router.use("/reg", answerErrors);
  return router;
}

async function register(ports: RegistrationPorts, req: Request, res: Response): Promise<void> {
  const asked = (req.body ?? {}) as Record<string, unknown>;
  const { software_statement: statement } = asked;
  if (typeof statement !== "string")
    throw new RegistrationError(
      "invalid_software_statement",
      "software_statement is missing; it is a trust mark of ours, or an entity statement with its trust_chain",
    );
  const entityId = await subjectOf(ports, statement);
  const participant = await ports.store.read((r) => r.participants.findByEntityId(entityId));
  if (participant === null)
    throw new RegistrationError(
      "unapproved_software_statement",
      "the register does not know this entity; it joins at /v1/participants first",
    );
  mustBeRegistered(asked["redirect_uris"], participant);
  res
    .status(201)
    .set("Cache-Control", "no-store")
    .json({ ...clientOfParticipant(participant, ports.takesCertificates), software_statement: statement });
}

/** Whom the statement is about, once it is known to be true. */
async function subjectOf(ports: RegistrationPorts, statement: string): Promise<string> {
  return saysOurs(ports, statement) ? bearerOf(ports, statement) : entityOf(ports, statement);
}

async function bearerOf(ports: RegistrationPorts, mark: string): Promise<string> {
  const standing = await standingOfMark(ports, mark);
  if (standing !== "active") throw new RegistrationError("invalid_software_statement", `the trust mark is ${standing}`);
  return String(ports.signed.read(mark).claims["sub"]);
}

/** The entity's own statement, with the chain from it to us in its header (OpenID Federation 1.0 §4.3). */
async function entityOf(ports: RegistrationPorts, statement: string): Promise<string> {
  try {
    const chain = [statement, ...trustChainIn(statement).slice(1)];
    const anchor = { entityId: ports.issuer, keys: (await ports.keys()).filter((key) => key["revoked"] === undefined) };
    const { statements } = await validateChain(ports.signed, chain, anchor, ports.clock.now());
    return String(statements[0]?.sub);
  } catch (error) {
    if (!(error instanceof RelaisError) || error.code !== "peer_protocol") throw error;
    throw new RegistrationError("invalid_software_statement", error.message);
  }
}

function trustChainIn(statement: string): string[] {
  const header = readJson(statement.split(".")[0] ?? "");
  const chain = (header as { trust_chain?: unknown } | null)?.trust_chain;
  if (!Array.isArray(chain) || !chain.every((one) => typeof one === "string"))
    throw new RegistrationError("invalid_software_statement", "it is no trust mark of ours in force, and its header holds no trust_chain");
  return chain;
}

function readJson(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}

function mustBeRegistered(asked: unknown, { client }: Participant): void {
  if (asked === undefined) return;
  if (!Array.isArray(asked)) throw new RegistrationError("invalid_client_metadata", "redirect_uris must be a list");
  if (!asked.every((uri) => client?.redirectUris.includes(String(uri)) === true))
    throw new RegistrationError("invalid_redirect_uri", "redirect_uris holds one that the participant's entity configuration does not");
}

const answerErrors: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof RegistrationError)) return next(error);
  res.status(400).set("Cache-Control", "no-store").json({ error: error.code, error_description: error.message });
};
