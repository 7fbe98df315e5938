import { RelaisError } from "../errors.ts";
import { highestOf, isAtLeast, type Assurance } from "../person/assurance.ts";
import type { AccountLink } from "../person/person.ts";
import type { Participant } from "../register/participant.ts";

/** How sure this holder must be of who asks for these data sets: the most that one of them states. */
export function leastAssurance({ datasets }: Pick<Participant, "datasets">, wanted: readonly string[]): Assurance {
  const stated = datasets.filter(({ id }) => wanted.includes(id)).map(({ assurance = "low" }) => assurance);
  return highestOf(stated);
}

/**
 * The account at the source was proved as surely as its most sensitive data set asks for (S-070).
 * @throws RelaisError `assurance_too_low`: the person signs in there again.
 */
export function mustBeSure(source: Participant, { assurance = "low" }: Pick<AccountLink, "assurance">, wanted: readonly string[]): void {
  const least = leastAssurance(source, wanted);
  if (isAtLeast(assurance, least)) return;
  throw new RelaisError(
    "assurance_too_low",
    `${source.name} gives some of this only to somebody whom it knows for sure (level: ${least}). Sign in there again, and prove who you are at that level.`,
    { details: { participantId: source.id, least } },
  );
}
