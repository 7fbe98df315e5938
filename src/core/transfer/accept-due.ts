import type { Ports } from "../ports.ts";
import { acceptanceOf, judge } from "./judge.ts";

/** What one transaction accepts. A person who stops a permission waits for it at most, and a withdrawal is to be felt within a second. */
const BATCH = 2000;
/** How many work side by side when there is much. */
const LANES = 2;
/** What may not move now is looked at again after this; a mark that came back does not wait for the next month. */
const AGAIN_SECONDS = 3600;

type DuePorts = Pick<Ports, "store" | "policy">;

/**
 * Turns what recurring consents are due into transfers, in sets; any number of processes may. After an hour or a week of standstill each consent
 * is caught up once. The sweep rings for them. Returns how many were accepted.
 * @throws what kept some from being judged: they are looked at again later, and all others were accepted.
 */
export async function acceptDue(ports: DuePorts, shutdown?: AbortSignal): Promise<number> {
  const errors: unknown[] = [];
  const first = await step(ports, errors);
  const lanes = first.taken < BATCH ? [] : Array.from({ length: LANES }, () => lane(ports, errors, shutdown));
  const accepted = (await Promise.all(lanes)).reduce((sum, one) => sum + one, first.accepted);
  if (errors.length > 0) throw errors[0];
  return accepted;
}

async function lane(ports: DuePorts, errors: unknown[], shutdown: AbortSignal | undefined): Promise<number> {
  for (let sum = 0; ;) {
    const { taken, accepted } = await step(ports, errors);
    sum += accepted;
    if (taken < BATCH || shutdown?.aborted) return sum;
  }
}

/** By the database's clock: a period that a process with a wrong one served too early would be missing when it comes. */
async function step({ store, policy }: DuePorts, errors: unknown[]): Promise<{ taken: number; accepted: number }> {
  return store.write(async (w) => {
    const { now } = await w.dispatch.present();
    const groups = await w.rhythms.takeDue(now, BATCH);
    const { allowed, refused, unjudged } = await judge(w, groups, { policy, now });
    const details = { policy: policy.fingerprint };
    const accepted = allowed.length === 0 ? 0 : await w.rhythms.acceptDue(acceptanceOf(allowed, { at: now, actor: "relais", details }));
    const again = new Date(now.getTime() + AGAIN_SECONDS * 1000);
    for (const ids of [...refused.values(), ...unjudged.map(({ consents }) => consents)]) await w.rhythms.postpone(ids, again);
    errors.push(...unjudged.map(({ error }) => error));
    return { taken: groups.reduce((sum, { consents }) => sum + consents.length, 0), accepted };
  });
}
