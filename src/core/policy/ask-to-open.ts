import { RelaisError } from "../errors.ts";
import { newId, type ParticipantId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { isAccredited, type Participant } from "../register/participant.ts";
import { mustActForSomebody, type RegisterCaller } from "../register/register-caller.ts";
import { logCondition } from "./change-conditions.ts";
import type { Meeting } from "./meetings.ts";

const LONGEST_MESSAGE = 2000;
/** So many holders are asked at a time. */
const MOST_WAITING = 20;
/** Days after an answer in which the same holder is not asked again. */
const REST_DAYS = 7;
const DAY_MILLISECONDS = 86_400_000;

/**
 * An accredited platform asks a holder that restricts it to open (S-105). It changes no right; where the holder had closed the door, its matrix
 * says `in_discussion` from now on, with the reason that the holder gave.
 * @throws RelaisError `forbidden`, `not_accredited`, `invalid`, `conflict` (open already, or asked already), `rate_limited`.
 */
export async function askToOpen(
  ports: Pick<Ports, "store" | "clock">,
  caller: RegisterCaller,
  { holderId, message }: Pick<Meeting, "holderId" | "message">,
): Promise<Meeting> {
  const platformId = mustActForSomebody(caller);
  const text = message.trim();
  if (text === "" || text.length > LONGEST_MESSAGE)
    throw new RelaisError("invalid", `Say in 1 to ${LONGEST_MESSAGE} characters what you ask for, and why.`, { pointers: ["/message"] });
  const at = ports.clock.now();
  return ports.store.write(async (w) => {
    // Two requests of one platform follow each other: the limit counts both.
    const platform = await w.register.lock(platformId);
    const holder = await holderOf(w, holderId);
    await w.rules.lock(holder.id);
    await refuseUnaccredited(w, platform, at);
    await refuseOpen(w, holder, platform, at);
    await refuseTooMany(w, { platformId, holderId, at });
    await beginDiscussion(w, holder, platform, at);
    const meeting: Meeting = {
      id: newId("meeting"),
      holderId,
      platformId,
      message: text,
      askedAt: at,
      answeredAt: null,
      state: null,
      reason: null,
    };
    await w.asking.ask(meeting);
    return meeting;
  });
}

async function holderOf(w: Writer, id: ParticipantId): Promise<Participant> {
  const holder = await w.participants.get(id);
  if (!holder.roles.includes("holder")) throw new RelaisError("invalid", `${holder.name} is not a holder.`, { pointers: ["/holder"] });
  return holder;
}

async function refuseUnaccredited(w: Writer, platform: Participant, at: Date): Promise<void> {
  if (!platform.roles.includes("platform")) throw new RelaisError("forbidden", "Only a platform asks a holder to open.");
  if (!isAccredited(platform, await w.participants.findMark(platform.id), at))
    throw new RelaisError("not_accredited", "Be accredited first: until then no holder may open to you.", { actor: "platform" });
}

async function refuseOpen(w: Writer, holder: Participant, platform: Participant, at: Date): Promise<void> {
  const { access, excluded } = await w.conditions.stance(holder.id, platform.id, at);
  if ((access?.state ?? "open") === "open" && excluded.length === 0)
    throw new RelaisError(
      "conflict",
      `${holder.name} does not restrict you. What it asks of every platform is in /v1/participants/${holder.id}/conditions.`,
      { actor: "platform" },
    );
}

async function refuseTooMany(w: Writer, ask: { platformId: ParticipantId; holderId: ParticipantId; at: Date }): Promise<void> {
  const { platformId, holderId, at } = ask;
  const [last] = await w.meetings.list({ platformId, holderId, limit: 1 });
  if (last?.answeredAt === null)
    throw new RelaisError("conflict", "You asked this holder already. Wait for its answer.", { actor: "holder" });
  const rest = (last?.answeredAt?.getTime() ?? 0) + REST_DAYS * DAY_MILLISECONDS - at.getTime();
  if (rest > 0)
    throw new RelaisError("rate_limited", `This holder answered less than ${REST_DAYS} days ago. Read its answer, and ask again later.`, {
      retryAfter: rest / 1000,
    });
  const waiting = (await w.meetings.list({ platformId, limit: MOST_WAITING })).filter(({ answeredAt }) => answeredAt === null);
  if (waiting.length >= MOST_WAITING)
    throw new RelaisError("rate_limited", `${MOST_WAITING} holders have yet to answer you. Wait for one of them.`, {
      actor: "holder",
      retryAfter: DAY_MILLISECONDS / 1000,
    });
}

async function beginDiscussion(w: Writer, holder: Participant, platform: Participant, at: Date): Promise<void> {
  const cell = (await w.conditions.of(holder.id)).access.find(({ platformId }) => platformId === platform.id);
  if (cell?.state !== "closed") return;
  const { reason } = cell;
  const logIndex = await logCondition(w, holder, { act: "discussion_asked", at, platform, reason, members: { state: "in_discussion" } });
  await w.rules.setAccess({ ...cell, state: "in_discussion", changedAt: at, logIndex });
}
