import type { Ports } from "../ports.ts";
import type { RegisterCaller } from "../register/register-caller.ts";

const IDS = /(?:prt|org|apl|evd|crt|trf)_[0-9A-Za-z]{22}/g;

/**
 * Somebody with an office asks for a page or a call that leads to a participant's case, or to a person's transfer: everybody who acts for that
 * participant, or the person, sees it in their own account. Written before the answer is made, also where it is then refused.
 */
export async function noteAccess({ store, clock }: Pick<Ports, "store" | "clock">, caller: RegisterCaller, what: string): Promise<void> {
  const ids = what.match(IDS);
  if (caller.kind === "participant" || ids === null) return;
  const access = { viewer: caller.name, office: caller.kind, what, at: clock.now(), ids };
  await store.write((w) => w.belongings.addAccesses(access));
}
