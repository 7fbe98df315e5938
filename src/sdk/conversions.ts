import { findConversion } from "../core/conversion/conversions.ts";
import { sha256, type ManifestItem } from "../core/transfer/manifest.ts";
import { VerificationError } from "./documents.ts";

/**
 * Makes again what a manifest says was made from an item (`made_from`), and compares: the copy holds what its original says, and nothing else.
 * Returns the bytes of the copy. `original`: the bytes of the item that `made_from.key` names. Asks nobody.
 * @throws VerificationError where it was made from another content, by a conversion that this release does not know, or is another copy.
 */
export function convertAgain(copy: ManifestItem, original: Uint8Array): Uint8Array {
  const { made_from: from } = copy;
  if (from === undefined) throw new VerificationError(`${copy.dataset}/${copy.key} is no copy: it came from the source as it is.`);
  if (sha256(original) !== from["sha-256"])
    throw new VerificationError(`${copy.dataset}/${copy.key} was made from another content of ${from.key}.`);
  const made = findConversion(from.by)?.convert(original) ?? null;
  if (made === null)
    throw new VerificationError(`${copy.dataset}/${copy.key} cannot be made again here: it names ${from.by}. A newer release may know it.`);
  if (sha256(made) !== copy["sha-256"])
    throw new VerificationError(`${copy.dataset}/${copy.key} is not what ${from.by} makes of ${from.key}.`);
  return made;
}
