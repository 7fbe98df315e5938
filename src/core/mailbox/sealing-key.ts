import { RelaisError } from "../errors.ts";
import type { Participant, PublicJwk } from "../register/participant.ts";
import { thumbprintOf } from "../register/public-keys.ts";
import { SEALING_ALG } from "./package-format.ts";

const CURVES = ["P-256", "P-384", "P-521", "X25519"];

/** Published keys of a platform that packages can be sealed to: `use: enc`, on a curve; the first one is sealed to, all of them open. */
export function sealingKeysOf({ keys }: Pick<Participant, "keys">): (PublicJwk & { kid: string })[] {
  const usable = keys.filter(
    ({ use, alg, crv }) => use === "enc" && (alg === undefined || alg === SEALING_ALG) && CURVES.includes(String(crv)),
  );
  return usable.map((key) => ({ ...key, kid: key.kid ?? thumbprintOf(key) }));
}

/** @throws RelaisError `unsupported` where there is none. */
export function sealingKeyOf(platform: Pick<Participant, "keys" | "name">): PublicJwk & { kid: string } {
  const [key] = sealingKeysOf(platform);
  if (key !== undefined) return key;
  throw new RelaisError(
    "unsupported",
    `${platform.name} publishes no key that its packages could be sealed to. It must add one with \`use: enc\` to the keys of its entity configuration.`,
  );
}
