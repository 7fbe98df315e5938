import { RelaisError } from "../errors.ts";
import type { PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { DecisionId } from "../register/application.ts";

/** Tells people what was decided, right after it was: the decision itself waits for nobody. Returns how many decisions it told. */
export async function tellPeople({ store, clock }: Pick<Ports, "store" | "clock">): Promise<number> {
  for (let decisions = 0; ; decisions += 1)
    if ((await store.write((w) => w.announcements.tellNext(clock.now()))) === null) return decisions;
}

/** It is not shown any more; said twice, it is read once. @throws RelaisError `not_found` where it was not said to this person. */
export async function readNotice(
  { store, clock }: Pick<Ports, "store" | "clock">,
  { personId, decisionId }: { personId: PersonId; decisionId: DecisionId },
): Promise<void> {
  if (!(await store.write((w) => w.announcements.markRead(personId, decisionId, clock.now()))))
    throw new RelaisError("not_found", "You were not told of this decision.", { actor: "person" });
}
