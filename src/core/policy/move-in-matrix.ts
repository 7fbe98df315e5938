import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import {
  changeConditions,
  logCondition,
  platformOf,
  writtenReason,
  type ConditionPorts,
  type Effect,
  type OnBehalf,
} from "./change-conditions.ts";
import { ACCESS_STATES, type AccessState } from "./conditions.ts";
import { testAccountHash } from "./facts.ts";

const MOST_TEST_ACCOUNTS = 1000;

export interface MatrixMove {
  platformId: ParticipantId;
  state: AccessState;
  /** Needed, and public, unless it is open. */
  reason: Words | null;
  /** The holder's own names of the accounts that may be used while it is in `test`. Only their hashes are kept. */
  testAccounts: string[];
}

/** Moves one platform in the holder's matrix. @throws RelaisError `forbidden`, `invalid`. */
export async function moveInMatrix(ports: ConditionPorts, who: OnBehalf, move: MatrixMove): Promise<Effect> {
  const { state } = move;
  if (!ACCESS_STATES.includes(state))
    throw new RelaisError("invalid", `The state is one of ${ACCESS_STATES.join(", ")}.`, { pointers: ["/state"] });
  if (move.testAccounts.length > MOST_TEST_ACCOUNTS || (state !== "test" && move.testAccounts.length > 0))
    throw new RelaisError("invalid", `Test accounts are named for the state test alone, at most ${MOST_TEST_ACCOUNTS}.`, {
      pointers: ["/test_accounts"],
    });
  const reason = state === "open" ? null : writtenReason(move.reason);
  return changeConditions(ports, who, async (w, holder, at) => {
    const platform = await platformOf(w, move.platformId);
    const testAccounts = [...new Set(move.testAccounts)].map((account) => testAccountHash(holder.id, account));
    const logIndex = await logCondition(w, holder, { act: "access_moved", at, platform, reason, members: { state } });
    await w.rules.setAccess({ holderId: holder.id, platformId: platform.id, state, reason, testAccounts, changedAt: at, logIndex });
  });
}
