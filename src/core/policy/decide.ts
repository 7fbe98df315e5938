import { RelaisError } from "../errors.ts";
import type { LinkId } from "../ids.ts";
import type { StandingReader } from "../consent/standings.ts";
import type { Participant } from "../register/participant.ts";
import type { Stance } from "./conditions.ts";
import { factsOf, type End, type Ends } from "./facts.ts";
import type { Policy, PolicyReason } from "./policy.ts";
import { REASONS } from "./reasons.ts";

/** May these data sets go from this holder to this platform? */
export interface Ask {
  datasets: readonly string[];
  /** The person's account at the holder; null where it is not proved yet. */
  sourceLinkId: LinkId | null;
  now: Date;
}

/** A data set that may not go, with every reason. */
export interface Refusal {
  dataset: string;
  reasons: PolicyReason[];
}

/**
 * A holder's conditions are about what it sends itself. Leaving a platform is the person's right, which no holder and no platform limits: a
 * switch is free of them, unless it starts at a holder that is no platform.
 */
export function areConditionsDue({ roles }: Participant, isSwitch: boolean): boolean {
  return roles.includes("holder") && !(isSwitch && roles.includes("platform"));
}

/** The data sets that the holder's conditions refuse now. A refusal is a value; what is not named may go. */
export async function refusedByConditions(
  r: Pick<StandingReader, "conditions" | "people">,
  policy: Policy,
  ends: Ends,
  ask: Ask,
): Promise<Refusal[]> {
  const stance = await r.conditions.stance(ends.holder.participant.id, ends.platform.participant.id, ask.now);
  return refusals(policy, ends, stance, { ...ask, account: await testedAccount(r, stance, ask.sourceLinkId) });
}

/** Which account it is matters only where the holder opened for some of them. */
export async function testedAccount(r: Pick<StandingReader, "people">, { access }: Stance, linkId: LinkId | null): Promise<string | null> {
  return access?.state === "test" && linkId !== null ? (await r.people.getLink(linkId)).account : null;
}

export function refusals(
  policy: Policy,
  ends: Ends,
  stance: Stance,
  ask: { datasets: readonly string[]; account: string | null; now: Date },
): Refusal[] {
  return ask.datasets
    .map((dataset) => ({ dataset, reasons: policy.decide(factsOf(ends, stance, { ...ask, dataset })).reasons }))
    .filter(({ reasons }) => reasons.length > 0);
}

export async function endOf(r: Pick<StandingReader, "participants">, participant: Participant): Promise<End> {
  return { participant, mark: await r.participants.findMark(participant.id) };
}

/** The refusal as an error, where nothing is left that may go on. */
export function conditionUnmet({ holder, platform }: Ends, refused: Refusal[]): RelaisError {
  const reasons = [...new Set(refused.flatMap((refusal) => refusal.reasons))];
  const [first] = reasons;
  const sentences = reasons.map((reason) => REASONS[reason].sentence.en).join(" ");
  return new RelaisError("condition_unmet", `${holder.participant.name} does not send this to ${platform.participant.name}. ${sentences}`, {
    actor: first === undefined ? "holder" : REASONS[first].actor,
    details: { reasons, datasets: refused.map(({ dataset }) => dataset) },
  });
}
