import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import { EVERY_DATASET } from "../policy/conditions.ts";
import type { Ports, Reader } from "../ports.ts";
import { mayRead, mustActFor, type RegisterCaller } from "../register/register-caller.ts";
import { checkedCapacity, type Capacity, type SetBy, type StatedCapacity } from "./capacity.ts";
import type { Pause } from "./gate.ts";

type ChangePorts = Pick<Ports, "store" | "clock">;

/** Whom it is about. */
interface About {
  caller: RegisterCaller;
  participantId: ParticipantId;
}

/** The participant itself, or the operator. @throws RelaisError `not_found` for anybody else. */
function speakerOf({ caller, participantId }: About): SetBy {
  if (caller.kind === "operator") return "operator";
  mustActFor(caller, participantId);
  return "participant";
}

/** What a participant takes, and what is paused; for itself, the operator, accreditors and the authority. */
export async function readCapacity(
  ports: Pick<Ports, "store">,
  about: About,
): Promise<{ capacity: StatedCapacity | null; pauses: Pause[] }> {
  const { caller, participantId } = about;
  if (caller.kind !== "operator") mayRead(caller, participantId);
  return ports.store.read(async (r) => {
    await r.participants.get(participantId);
    return { capacity: await r.dispatch.capacity(participantId), pauses: await r.dispatch.pauses(participantId) };
  });
}

/**
 * States how many transfers a participant takes, and when; the last word counts, whoever of the two says it. It holds from the next turn on: what runs goes
 * on, and what was rung for outside the hours is called back.
 * @throws RelaisError `not_found`, `invalid`.
 */
export async function setCapacity(ports: ChangePorts, about: About, wanted: Capacity): Promise<void> {
  const setBy = speakerOf(about);
  const stated = { ...checkedCapacity(wanted), participantId: about.participantId, setBy, changedAt: ports.clock.now() };
  await ports.store.write(async (w) => {
    await w.participants.get(about.participantId);
    await w.dispatch.setCapacity(stated);
  });
}

const LONGEST_REASON = 500;

/**
 * Stops everything of a data set (or of all) from and to a participant until it is lifted; what runs breaks off, and goes on afterwards from where it was.
 * @throws RelaisError `not_found`, `invalid`.
 */
export async function pauseDispatch(
  ports: ChangePorts,
  about: About,
  { dataset, reason }: { dataset: string; reason: string },
): Promise<void> {
  const by = speakerOf(about);
  const words = reason.trim();
  if (words === "" || words.length > LONGEST_REASON)
    throw new RelaisError("invalid", `Give the reason, in at most ${LONGEST_REASON} characters.`, { pointers: ["/reason"] });
  await ports.store.write(async (w) => {
    await mustBeScope(w, about.participantId, dataset);
    await w.dispatch.pause({ participantId: about.participantId, dataset, by, reason: words, since: ports.clock.now() });
  });
}

/** Lifts what the same had paused. @throws RelaisError `not_found`. */
export async function resumeDispatch(ports: ChangePorts, about: About, { dataset }: { dataset: string }): Promise<void> {
  const by = speakerOf(about);
  const lifted = await ports.store.write((w) => w.dispatch.resume({ participantId: about.participantId, dataset, by }));
  if (!lifted) throw new RelaisError("not_found", "You have not paused this. The participant and the operator each lift their own pauses.");
}

/** A holder's own data sets, or all. A platform pauses what it is sent, which is of others' making: any name. */
async function mustBeScope(r: Pick<Reader, "participants">, participantId: ParticipantId, dataset: string): Promise<void> {
  const { roles, datasets } = await r.participants.get(participantId);
  if (dataset === EVERY_DATASET || !roles.includes("holder") || datasets.some(({ id }) => id === dataset)) return;
  throw new RelaisError("invalid", `Name a data set of the participant, or ${EVERY_DATASET} for all.`, { pointers: ["/dataset"] });
}
