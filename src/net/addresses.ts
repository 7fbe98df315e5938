import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type AddressKind = "public" | "loopback" | "refused";

/**
 * Which network an address belongs to. An IPv4 address inside an IPv6 one is judged as IPv4; whatever is not plain
 * unicast (private, link-local, carrier, translation, documentation ranges) is refused.
 */
export function kindOfAddress(address: string): AddressKind {
  const bare = address.replace(/^\[|\]$/g, "").split("%")[0] as string;
  if (!ipaddr.isValid(bare)) return "refused";
  const range = ipaddr.process(bare).range();
  if (range === "unicast") return "public";
  return range === "loopback" ? "loopback" : "refused";
}

/** The address that a host name of a URL spells out, without brackets; null where it is a name for the DNS. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) === 0 ? null : bare;
}

/**
 * Whose visitors are one to us: an IPv4 address, or the 64 bits of an IPv6 network that one connection has (RFC 6177 §2). Null for what says nothing about
 * who is behind it, such as the private address of a proxy.
 */
export function networkOf(address: string): string | null {
  if (kindOfAddress(address) !== "public") return null;
  const parsed = ipaddr.process(address.split("%")[0] as string);
  return parsed.kind() === "ipv4" ? parsed.toString() : ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString();
}
