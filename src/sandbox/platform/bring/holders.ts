import type { Words } from "../../../core/catalogue/data-set.ts";
import { answerOf, asRefusal } from "../../../sdk-client/refusals.ts";

/** A holder of the public register, with what it can give back. */
export interface Holder {
  id: string;
  entityId: string;
  name: string;
  datasets: { id: string; title: Words; description: Words }[];
}

interface Listed extends Omit<Holder, "entityId"> {
  entity_id: string;
  roles: string[];
  trust_mark: object | null;
}

/** A page waits for it: rather without the list than late. */
const DEADLINE_MILLISECONDS = 4000;

/** Accredited holders, by name. @throws RelaisError `peer_unavailable`, `peer_protocol`. */
export async function readHolders(issuer: string): Promise<Holder[]> {
  const answer = await fetch(`${issuer}/v1/participants`, { redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) })
    .then(answerOf)
    .catch(asRefusal);
  const listed = (answer["participants"] ?? []) as Listed[];
  return listed
    .filter(({ roles, trust_mark: mark, datasets }) => roles.includes("holder") && mark !== null && datasets.length > 0)
    .map(({ id, entity_id: entityId, name, datasets }) => ({ id, entityId, name, datasets }))
    .toSorted((a, b) => a.name.localeCompare(b.name, "fr"));
}
