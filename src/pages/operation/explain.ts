import { ERRORS, type Actor, type ErrorCode } from "../../core/errors.ts";
import type { Transfer, TransferEvent, TransferState } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";

export interface Explained {
  transfer: Transfer;
  events: TransferEvent[];
  source: string;
  destination: string;
  /** The organisation is the destination, the data space the source. */
  isProposal: boolean;
  /** What holds it up while it is due, in sentences. */
  holds: string[];
  now: Date;
}

/** One transfer in one paragraph, from its events: what happened, what holds it up, who has to act. Counts, times and participants; nobody's name. */
export function explain(tongue: Tongue, story: Explained): string {
  return [asked, replayed, attempts, counted, retries, proved, present, heldUp].flatMap((part) => part(tongue, story) ?? []).join(" ");
}

type Part = (tongue: Tongue, story: Explained) => string | null;

const last = ({ events }: Explained, ...kinds: TransferEvent["kind"][]): TransferEvent | undefined =>
  events.findLast(({ kind }) => kinds.includes(kind));

/** Who acts, as somebody who runs Relais says it. */
export function actorIn({ t }: Tongue, actor: Actor | null, { source, destination, isProposal }: Explained): string {
  if (actor === "holder") return isProposal ? destination : source;
  if (actor === "platform") return isProposal ? source : destination;
  return t(`operate.actor.${actor ?? "relais"}`);
}

const asked: Part = (tongue, story) => {
  const { transfer, events, source, destination } = story;
  const who = actorIn(tongue, events.find(({ kind }) => kind === "requested")?.actor ?? "client", story);
  return tongue.t("operate.explain.asked", { at: tongue.moment(transfer.createdAt), who, source, destination });
};

const replayed: Part = ({ t }, story) => {
  const event = last(story, "replayed");
  return event ? t("operate.explain.replayed", { of: String(event.details["of"] ?? "") }) : null;
};

const attempts: Part = ({ t, moment }, story) => {
  const begun = last(story, "attempt_started");
  return begun ? t("operate.explain.attempts", { count: story.transfer.attempts, at: moment(begun.at) }) : t("operate.explain.noAttempt");
};

const counted: Part = ({ t }, story) => {
  const event = last(story, "source_counted") ?? last(story, "changes_listed");
  return event?.details["items"] !== undefined
    ? t("operate.explain.counted", { who: story.source, count: Number(event.details["items"] ?? 0) })
    : null;
};

const retries: Part = (tongue, story) => {
  const planned = story.events.filter(({ kind }) => kind === "retry_planned");
  const newest = planned.at(-1);
  if (newest === undefined) return null;
  const who = actorIn(tongue, newest.actor, story);
  return tongue.t("operate.explain.retries", { count: planned.length, problem: problemIn(tongue, newest.details["reason"]), who });
};

const proved: Part = ({ t, moment }, story) => {
  const receipt = last(story, "receipt_received");
  if (receipt) return t("operate.explain.receipt", { who: story.destination, at: moment(receipt.at) });
  const delivered = last(story, "delivered");
  return delivered ? t("operate.explain.delivered", { who: story.destination, at: moment(delivered.at) }) : null;
};

type Present = "waiting" | "held" | "partial" | "paused" | "verified" | "failed" | "cancelled" | "expired";

const PRESENT = {
  scheduled: "waiting",
  queued: "waiting",
  fetching: "held",
  delivering: "held",
  delivered: "held",
  received: "held",
  verified: "verified",
  paused: "paused",
  partial: "partial",
  failed: "failed",
  cancelled: "cancelled",
  expired: "expired",
} as const satisfies Record<TransferState, Present>;

const present: Part = (tongue, story) => {
  const { t, moment } = tongue;
  const { transfer } = story;
  const now = PRESENT[transfer.state];
  if (now === "waiting" || now === "held") return waitOf(tongue, story);
  const at = moment(transfer.endedAt ?? story.events.at(-1)?.at ?? transfer.createdAt);
  if (now !== "partial")
    return t(`operate.explain.${now}`, { at, problem: problemIn(tongue, transfer.reason), who: actorIn(tongue, transfer.actor, story) });
  const details = last(story, "partial")?.details ?? {};
  return t("operate.explain.partial", { at, omitted: Number(details["omitted"] ?? 0), missing: Number(details["missing"] ?? 0) });
};

/** Only what is due, and that nobody has, is held up. */
const heldUp: Part = (_tongue, { transfer: { state, leaseUntil, dueAt }, holds, now }) => {
  const isWaiting = PRESENT[state] === "waiting" || PRESENT[state] === "held";
  const isTaken = leaseUntil !== null && leaseUntil > now;
  return !isWaiting || isTaken || dueAt > now || holds.length === 0 ? null : holds.join(" ");
};

/** What has not ended is held by an attempt, or waits for its time, or for a worker. */
function waitOf({ t, moment }: Tongue, { transfer: { state, leaseUntil, dueAt }, now }: Explained): string {
  if (leaseUntil !== null && leaseUntil > now) return t("operate.explain.held", { at: moment(leaseUntil) });
  if (dueAt > now) return t("operate.explain.later", { at: moment(dueAt) });
  return PRESENT[state] === "waiting" ? t("operate.explain.due", { at: moment(dueAt) }) : t("operate.explain.left");
}

/** The problem by its title, in a sentence: without its capital. */
function problemIn({ t }: Tongue, code: unknown): string {
  const known = typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "internal";
  const title = t(`problem.${known}.title`);
  return title.charAt(0).toLowerCase() + title.slice(1);
}
