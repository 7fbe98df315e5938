import type { ParticipantId } from "../ids.ts";
import type { Reader, Store } from "../ports.ts";
import { isAccredited } from "../register/participant.ts";
import type { Place } from "../register/register-reader.ts";
import type { PolicyReason } from "./policy.ts";
import { ownHolder, type ConditionPorts, type Effect, type OnBehalf } from "./change-conditions.ts";
import type { Refusal } from "./decide.ts";
import { readMatrixOf, readPlatforms, rowOf, type Known, type MatrixRow } from "./read-matrix.ts";

/** An accredited platform for which a change makes a difference: in these data sets. */
export interface Affected {
  platformId: ParticipantId;
  name: string;
  datasets: string[];
  /** Why not, after the change; empty for those that are let in. */
  reasons: PolicyReason[];
}

export interface Preview extends Effect {
  shutOut: Affected[];
  letIn: Affected[];
}

/**
 * What a change would do now: the change itself, by its own code and with its own refusals, in a transaction of which nothing is kept.
 * @throws RelaisError whatever the change throws.
 */
export async function previewChange(
  ports: ConditionPorts,
  who: OnBehalf,
  change: (ports: ConditionPorts) => Promise<Effect>,
): Promise<Preview> {
  let compared: Pick<Preview, "shutOut" | "letIn"> = { shutOut: [], letIn: [] };
  const now = ports.clock.now();
  const write: Store["write"] = (work) =>
    ports.store.rehearse(async (w) => {
      const { id } = await ownHolder(w, who);
      // Platforms are read before the change takes its locks: after it, they only have to be judged again.
      const platforms = await accreditedPlatforms(w, now);
      const before = await readMatrixOf(w, ports.policy, id, now);
      const result = await work(w);
      const after = await readMatrixOf(w, ports.policy, id, now);
      compared = compare(platforms.map((known) => [rowOf(before, known), rowOf(after, known)]));
      return result;
    });
  const nobody = { ring: async () => undefined };
  return { ...(await change({ ...ports, store: { ...ports.store, write }, queue: nobody })), ...compared };
}

const BATCH = 500;

async function accreditedPlatforms(r: Reader, now: Date): Promise<Known[]> {
  const found: Known[] = [];
  for (let after: Place | undefined; ;) {
    const page = await readPlatforms(r, now, { after, limit: BATCH });
    found.push(...page.filter(({ platform: { participant, mark } }) => isAccredited(participant, mark, now)));
    const last = page.at(-1)?.platform.participant;
    if (page.length < BATCH || last === undefined) return found;
    after = { name: last.name, id: last.id };
  }
}

function compare(rows: [before: MatrixRow, after: MatrixRow][]): Pick<Preview, "shutOut" | "letIn"> {
  const preview: Pick<Preview, "shutOut" | "letIn"> = { shutOut: [], letIn: [] };
  for (const [{ refused: earlier }, { refused, platform }] of rows) {
    const { id: platformId, name } = platform.participant;
    const newly = notIn(refused, earlier);
    const noLonger = notIn(earlier, refused).map(({ dataset }) => dataset);
    const reasons = [...new Set(newly.flatMap((refusal) => refusal.reasons))];
    if (newly.length > 0) preview.shutOut.push({ platformId, name, datasets: newly.map(({ dataset }) => dataset), reasons });
    if (noLonger.length > 0) preview.letIn.push({ platformId, name, datasets: noLonger, reasons: [] });
  }
  return preview;
}

function notIn(these: Refusal[], those: Refusal[]): Refusal[] {
  return these.filter(({ dataset }) => !those.some((other) => other.dataset === dataset));
}
