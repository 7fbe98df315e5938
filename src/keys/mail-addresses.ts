import { createHmac } from "node:crypto";
import type { LinkTokens } from "../core/person/mail.ts";
import type { AddressOpener, AddressSealer } from "../core/person/mail-address.ts";
import type { Keyring } from "./keyring.ts";
import { openText, sealText } from "./sealer.ts";

/** Seals mail addresses to the worker; marks are made with this role's secret. */
export function createAddressSealer(keyring: Pick<Keyring, "publicRing" | "secret">): AddressSealer {
  return {
    seal: (address) => sealText(keyring, JSON.stringify({ kind: "mail-address", address })),
    markOf: createMarks(keyring, "mail attempts"),
  };
}

/** A digest that is the same for the same text, and tells nothing of it to whoever does not have our secret. */
export function createMarks(keyring: Pick<Keyring, "secret">, label: string): (text: string) => string {
  return (text) => createHmac("sha256", keyring.secret(label)).update(text).digest("base64url");
}

export function createAddressOpener(keyring: Pick<Keyring, "all">): AddressOpener {
  return {
    open: async (sealed) => {
      const { kind, address } = JSON.parse(await openText(keyring, sealed)) as { kind: unknown; address: unknown };
      if (kind !== "mail-address" || typeof address !== "string") throw new TypeError("what was sealed is no mail address");
      return address;
    },
  };
}

export function createLinkTokens(keyring: Pick<Keyring, "secret">): LinkTokens {
  return {
    tokenOf: ({ mailId, purpose, about }) =>
      createHmac("sha256", keyring.secret("mail links")).update(`${mailId} ${purpose} ${about}`).digest("base64url"),
  };
}
