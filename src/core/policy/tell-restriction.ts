import type { Words } from "../catalogue/data-set.ts";
import type { Writer } from "../ports.ts";
import { isAccredited, type Participant } from "../register/participant.ts";
import type { AccessState, Scope } from "./conditions.ts";

export interface RestrictionNews {
  holder: Participant;
  platform: Participant;
  at: Date;
  /** `excluded` or `lifted`, or the state of the matrix. */
  state: "excluded" | "lifted" | AccessState;
  dataset: Scope;
  reason: Words | null;
  logIndex: number;
}

/** An accredited platform that a holder restricts, or restricts no more, is told, signed (S-122): nobody is restricted in silence. */
export async function tellRestriction(w: Writer, news: RestrictionNews): Promise<void> {
  const { holder, platform, at, state, dataset, reason, logIndex } = news;
  if (!isAccredited(platform, await w.participants.findMark(platform.id), at)) return;
  const type = state === "open" || state === "lifted" ? "restriction-lifted" : "restriction-set";
  const details = { holder: holder.entityId, state, dataset, ...(reason ? { reason: { ...reason } } : {}), log_index: logIndex };
  await w.notices.tell({ type, about: platform.id, at, details }, [platform.id]);
}
