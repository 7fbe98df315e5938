import type { Request, Response } from "express";
import type { z } from "zod";
import type { CallerTokens, Ports } from "../core/ports.ts";
import { getConditions } from "./conditions.ts";
import { getLive, getReady } from "./health.ts";
import { getParticipant, listParticipants } from "./participants.ts";
import { Conditions, Health, IdempotencyKey, NewTransfer, Participant, ParticipantList, PathId, Transfer } from "./schemas.ts";
import { getTransfer, postTransfer } from "./transfers.ts";

export type RoutePorts = Pick<Ports, "store" | "queue" | "clock" | "policy" | "issuer"> & { callers: CallerTokens };

export interface Route {
  method: "get" | "post";
  path: string;
  /** `anyone`, or a platform that shows a consent token bound to its key. */
  may: "anyone" | "consent token";
  handler: (ports: RoutePorts, req: Request, res: Response) => Promise<void>;
  summary: string;
  status: 200 | 202;
  answers: z.ZodType;
  params?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
}

/** The API. Its OpenAPI document is generated from this table. */
// oxfmt-ignore
export const ROUTES: Route[] = [
  { method: "get", path: "/v1/participants", may: "anyone", handler: listParticipants, summary: "The public register", status: 200, answers: ParticipantList },
  { method: "get", path: "/v1/participants/:id", may: "anyone", handler: getParticipant, summary: "One participant", status: 200, answers: Participant, params: PathId },
  { method: "get", path: "/v1/participants/:id/conditions", may: "anyone", handler: getConditions, summary: "What a holder asks of platforms, and which it restricts", status: 200, answers: Conditions, params: PathId },
  { method: "post", path: "/v1/transfers", may: "consent token", handler: postTransfer, summary: "Ask for a delivery", status: 202, answers: Transfer, headers: IdempotencyKey, body: NewTransfer },
  { method: "get", path: "/v1/transfers/:id", may: "consent token", handler: getTransfer, summary: "State and counts of a transfer", status: 200, answers: Transfer, params: PathId },
  { method: "get", path: "/health/live", may: "anyone", handler: getLive, summary: "This process answers", status: 200, answers: Health },
  { method: "get", path: "/health/ready", may: "anyone", handler: getReady, summary: "It can do its work", status: 200, answers: Health },
];
