import type { RequestHandler } from "express";

/** What an entity can say of itself wrongly on purpose. */
export const ENTITY_FAULTS = ["signs-with-another-key", "huge-description", "slow-description"] as const;

const WELL_KNOWN = "/.well-known/openid-federation";
const HUGE_BYTES = 100 * 1024 ** 2;
const CHUNK = Buffer.alloc(64 * 1024, "x");

/** In front of the good description: one without an end that is worth waiting for, or none for as long as anybody waits. */
export function faultyDescription(faults: readonly string[]): RequestHandler {
  return (request, response, next) => {
    if (request.path !== WELL_KNOWN) return next();
    if (faults.includes("slow-description")) return;
    if (!faults.includes("huge-description")) return next();
    response.type("application/entity-statement+jwt");
    pour(response, HUGE_BYTES);
  };
}

function pour(response: Parameters<RequestHandler>[1], left: number): void {
  for (let rest = left; !response.destroyed; rest -= CHUNK.length) {
    if (rest <= 0) return void response.end();
    if (!response.write(CHUNK)) return void response.once("drain", () => pour(response, rest - CHUNK.length));
  }
}
