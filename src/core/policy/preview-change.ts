import type { ParticipantId } from "../ids.ts";
import type { Reader, Store } from "../ports.ts";
import type { PolicyReason } from "./policy.ts";
import { ownHolder, type ConditionPorts, type Effect, type OnBehalf } from "./change-conditions.ts";
import type { Refusal } from "./decide.ts";
import { readMatrixOf, readMatrixPage } from "./read-matrix.ts";

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
  const write: Store["write"] = (work) =>
    ports.store.rehearse(async (w) => {
      const { id } = await ownHolder(w, who);
      const before = await refusedNow(w, ports, id);
      const result = await work(w);
      compared = compare(before, await refusedNow(w, ports, id));
      return result;
    });
  const nobody = { ring: async () => undefined };
  return { ...(await change({ ...ports, store: { ...ports.store, write }, queue: nobody })), ...compared };
}

const BATCH = 500;

interface Standing {
  name: string;
  refused: Refusal[];
}

/** Every accredited platform, with what the holder refuses it. */
async function refusedNow(
  r: Reader,
  { policy, clock }: Pick<ConditionPorts, "policy" | "clock">,
  holderId: ParticipantId,
): Promise<Map<ParticipantId, Standing>> {
  const matrix = await readMatrixOf(r, policy, holderId, clock.now());
  const found = new Map<ParticipantId, Standing>();
  for (let after: { name: string; id: string } | undefined; ;) {
    const rows = await readMatrixPage(r, matrix, { ...(after ? { after } : {}), limit: BATCH });
    for (const { platform, standing, refused } of rows)
      if (standing === "accredited") found.set(platform.participant.id, { name: platform.participant.name, refused });
    const last = rows.at(-1)?.platform.participant;
    if (rows.length < BATCH || last === undefined) return found;
    after = { name: last.name, id: last.id };
  }
}

function compare(before: Map<ParticipantId, Standing>, after: Map<ParticipantId, Standing>): Pick<Preview, "shutOut" | "letIn"> {
  const preview: Pick<Preview, "shutOut" | "letIn"> = { shutOut: [], letIn: [] };
  for (const [platformId, { name, refused }] of after) {
    const earlier = before.get(platformId)?.refused ?? [];
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
