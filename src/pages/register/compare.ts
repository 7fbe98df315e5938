import { asId, isId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import type { Participant } from "../../core/register/participant.ts";
import { readProfile, type Profile } from "../../core/register/profile.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, FieldError, PagesPorts, Visit } from "../visit.ts";
import { viewOfComparison } from "./comparison.ts";

/** Names in a list of choices: more would make the page heavy. */
const MOST = 100;

/** Two platforms side by side. The address holds both, so that it can be kept and shared. */
export async function compare(ports: PagesPorts, { tongue, query }: Visit): Promise<Answer> {
  const now = ports.clock.now();
  const chosen = { a: query.one("a"), b: query.one("b"), name: query.one("name").slice(0, 100) };
  const { platforms, two } = await ports.store.read(async (r) => ({
    platforms: await r.participants.page({ role: "platform", ...(chosen.name ? { name: chosen.name } : {}), limit: MOST + 1 }),
    two: await readBoth(r, ports, chosen, now),
  }));
  const isSame = chosen.a !== "" && chosen.a === chosen.b;
  const errors: FieldError[] = isSame ? [{ field: "b", text: tongue.t("compare.same") }] : [];
  const [first, second] = two;
  const model = {
    ...chooserOf(tongue, platforms, two, chosen),
    comparison: first && second && !isSame ? viewOfComparison(tongue, [first, second], now) : null,
    errors,
  };
  return { kind: "page", template: "compare", title: tongue.t("compare.title"), model, status: isSame ? 422 : 200 };
}

/** @throws RelaisError `not_found` for what is no platform of the register. */
async function readBoth(
  r: Reader,
  { charters }: Pick<PagesPorts, "charters">,
  { a, b }: { a: string; b: string },
  now: Date,
): Promise<Profile[]> {
  const found: Profile[] = [];
  for (const id of [a, b].filter((one) => one !== "")) {
    const profile = await readProfile(r, charters, asId("participant", id), now);
    if (profile.participant.roles.includes("platform")) found.push(profile);
  }
  return found;
}

function chooserOf(tongue: Tongue, platforms: Participant[], chosen: Profile[], { a, b, name }: { a: string; b: string; name: string }) {
  const listed = new Map(platforms.slice(0, MOST).map(({ id, name: called }) => [id, called]));
  for (const { participant } of chosen) listed.set(participant.id, participant.name);
  const options = [...listed].map(([value, text]) => ({ value, text }));
  const isMany = platforms.length > MOST;
  return {
    fields: [
      { id: "a", label: tongue.t("compare.first"), chosen: isId("participant", a) ? a : "" },
      { id: "b", label: tongue.t("compare.second"), chosen: isId("participant", b) ? b : "" },
    ],
    options,
    isPossible: options.length > 1 || name !== "",
    name,
    narrowing: isMany || name !== "" ? { note: isMany ? tongue.t("compare.many", { count: MOST }) : null } : null,
  };
}
