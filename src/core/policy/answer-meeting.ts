import { RelaisError } from "../errors.ts";
import { changeConditions, type ConditionPorts, type Effect, type OnBehalf } from "./change-conditions.ts";
import type { MeetingId } from "./meetings.ts";
import { checkedMove, moveCell, type MatrixMove } from "./move-in-matrix.ts";

/**
 * The holder answers a platform that asked it to open, by moving it in its matrix. An exclusion stands until it is lifted.
 * @throws RelaisError `forbidden`, `not_found`, `invalid`, `conflict` where it was answered before.
 */
export async function answerMeeting(
  ports: ConditionPorts,
  who: OnBehalf,
  { meetingId, ...answer }: { meetingId: MeetingId } & Omit<MatrixMove, "platformId">,
): Promise<Effect> {
  return changeConditions(ports, who, async (w, holder, at) => {
    const meeting = await w.meetings.get(meetingId);
    if (meeting.holderId !== holder.id) throw new RelaisError("not_found", "There is no such request among yours.");
    const move = checkedMove({ ...answer, platformId: meeting.platformId });
    if (!(await w.asking.answer(meetingId, { at, state: move.state, reason: move.reason })))
      throw new RelaisError("conflict", "This request was answered. Move the platform in your matrix instead.", { actor: "holder" });
    await moveCell(w, holder, move, at);
  });
}
