import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import {
  changeConditions,
  logCondition,
  platformOf,
  writtenReason,
  type ConditionPorts,
  type Effect,
  type OnBehalf,
} from "./change-conditions.ts";
import { ACCESS_STATES, EVERY_DATASET, type AccessState } from "./conditions.ts";
import { testAccountHash } from "./facts.ts";
import { tellRestriction } from "./tell-restriction.ts";

const MOST_TEST_ACCOUNTS = 1000;

export interface MatrixMove {
  platformId: ParticipantId;
  state: AccessState;
  /** Needed, and public, unless it is open. */
  reason: Words | null;
  /** The holder's own names of the accounts that may be used while it is in `test`. Only their hashes are kept. */
  testAccounts: string[];
}

/** Moves one platform in the holder's matrix. @throws RelaisError `forbidden`, `invalid`, `stale`. */
export async function moveInMatrix(ports: ConditionPorts, who: OnBehalf, move: MatrixMove): Promise<Effect> {
  const checked = checkedMove(move);
  return changeConditions(ports, who, (w, holder, at) => moveCell(w, holder, checked, at));
}

/** @throws RelaisError `invalid`. */
export function checkedMove(move: MatrixMove): MatrixMove {
  const { state, testAccounts } = move;
  if (!ACCESS_STATES.includes(state))
    throw new RelaisError("invalid", `The state is one of ${ACCESS_STATES.join(", ")}.`, { pointers: ["/state"] });
  if (testAccounts.length > MOST_TEST_ACCOUNTS || (state !== "test" && testAccounts.length > 0))
    throw new RelaisError("invalid", `Test accounts are named for the state test alone, at most ${MOST_TEST_ACCOUNTS}.`, {
      pointers: ["/test_accounts"],
    });
  return { ...move, reason: state === "open" ? null : writtenReason(move.reason) };
}

/** The writing step, for use cases that write more in the same transaction. */
export async function moveCell(
  w: Writer,
  holder: Participant,
  { platformId, state, reason, ...move }: MatrixMove,
  at: Date,
): Promise<void> {
  const platform = await platformOf(w, platformId);
  const testAccounts = [...new Set(move.testAccounts)].map((account) => testAccountHash(holder.id, account));
  const before = (await w.conditions.stance(holder.id, platform.id, at)).access?.state ?? "open";
  const logIndex = await logCondition(w, holder, { act: "access_moved", at, platform, reason, members: { state } });
  await w.rules.setAccess({ holderId: holder.id, platformId: platform.id, state, reason, testAccounts, changedAt: at, logIndex });
  if (before !== state) await tellRestriction(w, { holder, platform, at, state, dataset: EVERY_DATASET, reason, logIndex });
}
