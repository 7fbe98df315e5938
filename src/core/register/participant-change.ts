import { canonicalJson } from "../canonical-json.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { Endpoints, Participant, TrustMark } from "./participant.ts";

/** What of an accredited participant takes no effect before a look at it has passed: data, codes and proofs of account go where these say. */
export type Candidate = Pick<Participant, "roles" | "endpoints" | "datasets">;

/** A name for what was looked at. */
export function digestOf({ roles, endpoints, datasets }: Candidate): string {
  return sha256(canonicalJson({ roles, endpoints, datasets }));
}

const WATCHED = ["export", "inbox", "issuer", "root"] as const satisfies readonly (keyof Endpoints)[];

type Described = Pick<Participant, "name" | "adapter" | "client" | "about"> & Candidate;

/** What differs, by name, as the public log says it. */
export function changesOf(before: Described, after: Described): string[] {
  const originsOf = (endpoints: Endpoints) => WATCHED.map((name) => originOf(endpoints[name]));
  const [old, now] = [originsOf(before.endpoints), originsOf(after.endpoints)];
  const changed = WATCHED.filter((_, place) => old[place] !== now[place]) as string[];
  if (canonicalJson(before.roles.toSorted()) !== canonicalJson(after.roles.toSorted())) changed.push("roles");
  if (before.name !== after.name) changed.push("name");
  if (before.adapter !== after.adapter) changed.push("delivery");
  if ((before.about.synthetic ?? false) !== (after.about.synthetic ?? false)) changed.push("synthetic");
  if (before.about.accessTokens !== after.about.accessTokens) changed.push("access_token_format");
  if (canonicalJson(before.client ?? null) !== canonicalJson(after.client ?? null)) changed.push("redirect_uris");
  return changed;
}

function originOf(url: string | undefined): string | null {
  return url === undefined || !URL.canParse(url) ? null : new URL(url).origin;
}

const HELD = ["export", "inbox", "issuer", "root", "roles"];

/** Whether some of these changes wait for a look. */
export function waitsForLook(changes: readonly string[]): boolean {
  return changes.some((name) => HELD.includes(name));
}

/** People's data may go to it, or may again once it is reinstated: level 0 has invented people alone, who is registered or revoked has nobody. */
export function isWatched({ status }: Pick<Participant, "status">, mark: Pick<TrustMark, "level"> | null): boolean {
  return mark !== null && mark.level > 0 && status !== "registered" && status !== "revoked";
}
