import { RelaisError } from "../../core/errors.ts";
import type { Manifest } from "../../core/transfer/manifest.ts";
import type { Incoming } from "./transfers.ts";

/**
 * A manifest is of Relais, and of the very transfer that was announced.
 * @throws RelaisError `invalid` naming the member that is another one.
 */
export function assertSameEnds(issuer: string, incoming: Incoming, manifest: Manifest, action?: "propose"): void {
  const wanted = {
    iss: issuer,
    transfer: incoming.transfer,
    consent: incoming.consent,
    source: incoming.source,
    destination: incoming.destination,
    subject: incoming.account,
    ...(action === undefined ? {} : { action }),
  };
  const wrong = Object.entries(wanted).find(([name, value]) => manifest[name as keyof Manifest] !== value);
  if (wrong) throw new RelaisError("invalid", `The manifest's \`${wrong[0]}\` is not the one that was announced.`);
  if (!Array.isArray(manifest.items) || !Array.isArray(manifest.omissions))
    throw new RelaisError("invalid", "The manifest lists no items.");
}
