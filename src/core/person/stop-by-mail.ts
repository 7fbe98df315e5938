import { withdrawConsent } from "../consent/withdraw-consent.ts";
import { asId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { hashOfToken, noSuchLink, findMailLink } from "./own-address.ts";

/**
 * Stops the permission that a link in a reminder names, once, for whoever reads the mail: that is safe, it can be given again, and its owner is told.
 * @throws RelaisError `not_found` (no such link any more), `conflict` (the permission has ended already).
 */
export async function withdrawByMail(ports: Pick<Ports, "store" | "clock">, token: string): Promise<void> {
  const { about, personId } = await findMailLink(ports, token, "permission");
  await withdrawConsent(ports, { consentId: asId("consent", about), personId });
  if ((await ports.store.write((w) => w.mailing.takeLink(hashOfToken(token), "permission", ports.clock.now()))) === null)
    throw noSuchLink();
}
