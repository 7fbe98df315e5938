import type { ParticipantId } from "../ids.ts";
import type { Reader } from "../ports.ts";
import { actsForAny } from "./register-caller.ts";
import type { Staff } from "./staff.ts";

/**
 * Who decides together: the one who asked for it before, and the one who acts now. Null while somebody else has to confirm, which the same
 * accreditor cannot do.
 */
export function together(earlier: { proposer: string } | undefined, acting: string, needed: number): string[] | null {
  const names = [...new Set([...(earlier ? [earlier.proposer] : []), acting])];
  return names.length >= needed ? names : null;
}

/** How it is asked whose word counts: as everything about offices, at the moment of use. */
export type OfficePorts = { staff: Pick<Staff, "findName"> };

/**
 * Of words that accreditors said before about these participants, those that count when another one acts now: of whoever is an accreditor still,
 * and acts for none of these participants, as far as the operator named the person. Other words stay where they were written down; whoever acts
 * now is the first then.
 */
export async function countedWords<Word>(
  r: Pick<Reader, "accreditations">,
  { staff }: OfficePorts,
  words: readonly Word[],
  { by, about }: { by: (word: Word) => string; about: readonly ParticipantId[] },
): Promise<Word[]> {
  const counted: Word[] = [];
  for (const word of words) {
    const member = staff.findName(by(word));
    if (member?.office === "accreditor" && !(await actsForAny(r, member.person, about))) counted.push(word);
  }
  return counted;
}
