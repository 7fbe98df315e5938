import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { ownHolder, platformOf, type OnBehalf } from "./change-conditions.ts";
import { REVIEW_DECISIONS, type HolderReview } from "./conditions.ts";

const MOST_LINES = 100;
const LONGEST_LINE = 2000;

/**
 * Records what the holder's own committee found about a platform (S-125). It changes no right by itself: opening or closing is `moveInMatrix`.
 * Nothing of it is public or logged.
 * @throws RelaisError `forbidden`, `invalid`.
 */
export async function recordReview(
  ports: Pick<Ports, "store" | "clock">,
  who: OnBehalf,
  found: Omit<HolderReview, "id" | "holderId" | "recordedAt">,
): Promise<HolderReview> {
  const now = ports.clock.now();
  const wrong = WRONG.find(([, isWrong]) => isWrong(found, now));
  if (wrong) throw new RelaisError("invalid", wrong[2], { pointers: [wrong[0]] });
  return ports.store.write(async (w) => {
    const holder = await ownHolder(w, who);
    const platform = await platformOf(w, found.platformId);
    const review = { ...found, id: newId("review"), holderId: holder.id, platformId: platform.id, recordedAt: now };
    await w.rules.addReview(review);
    return review;
  });
}

type Found = Parameters<typeof recordReview>[2];
const tooLong = (lines: string[]): boolean => lines.length > MOST_LINES || lines.some((line) => line.length > LONGEST_LINE);

const WRONG: [pointer: string, isWrong: (found: Found, now: Date) => boolean, message: string][] = [
  ["/date", ({ date }, now) => !isPastDay(date, now), "The date is the day on which the committee met, not in the future."],
  ["/decision", ({ decision }) => !REVIEW_DECISIONS.includes(decision), `The decision is one of ${REVIEW_DECISIONS.join(", ")}.`],
  ["/questions", ({ questions }) => tooLong(questions), `At most ${MOST_LINES} questions of ${LONGEST_LINE} characters.`],
  ["/conditions", ({ conditions }) => tooLong(conditions), `At most ${MOST_LINES} conditions of ${LONGEST_LINE} characters.`],
  ["/by", ({ by }) => by.trim() === "" || by.length > 200, "Name the committee or office that decided, not a person."],
];

function isPastDay(date: string, now: Date): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(day.getTime()) && day <= now;
}
