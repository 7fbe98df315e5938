import { standingOfMark, type MarkPorts } from "../core/federation/mark-standing.ts";
import type { MarkStanding } from "../core/register/participant.ts";
import { FederationError } from "./federation-error.ts";

/** §8.4.2, with `suspended` told apart from `revoked`. @throws FederationError `not_found` for what was never issued here (§8.4.2). */
export async function markStatus(ports: MarkPorts, jwt: string): Promise<MarkStanding | "invalid"> {
  const standing = await standingOfMark(ports, jwt);
  if (standing === "unknown") throw new FederationError("not_found", "this trust mark was not issued here");
  return standing;
}
