import type { Request } from "express";
import { FederationError } from "./federation-error.ts";

const MOST = 50;
/** Identifiers and types are URIs, or names of ASCII: nothing else names anything here. */
const isName = (value: unknown): value is string => typeof value === "string" && /^[!-~]{1,1000}$/.test(value);

/** A parameter that must be there once. @throws FederationError `invalid_request`. */
export function one(req: Request, name: string): string {
  const value = optional(req, name);
  if (value === undefined) throw new FederationError("invalid_request", `the parameter ${name} is needed`);
  return value;
}

/** @throws FederationError `invalid_request` where it is empty, there twice, or names nothing. */
export function optional(req: Request, name: string): string | undefined {
  const value = req.query[name];
  if (value !== undefined && !isName(value))
    throw new FederationError("invalid_request", `the parameter ${name} must be given once, as a URI or a name`);
  return value;
}

/** A parameter that may be repeated. @throws FederationError `invalid_request`. */
export function all(req: Request, name: string): string[] {
  const values: unknown[] = [req.query[name] ?? []].flat();
  if (values.length > MOST || !values.every(isName))
    throw new FederationError("invalid_request", `the parameter ${name} is given too often, or without a value`);
  return values;
}
