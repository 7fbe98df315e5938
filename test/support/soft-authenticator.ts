import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

export interface SoftPasskey {
  id: string;
  userHandle: string;
  privateKey: KeyObject;
  counter: number;
}

/** What a test may get wrong on purpose. */
export interface Twist {
  origin?: string;
  rpId?: string;
  type?: string;
  /** Authenticator data without the flag that says that the person was verified. */
  unverified?: boolean;
  userHandle?: string;
  counter?: number;
  /** Of the passkey: one that is known already. */
  id?: string;
}

interface CreationOptions {
  challenge: string;
  rp: { id: string };
  user: { id: string };
}

/** A WebAuthn authenticator in memory: ES256, no attestation (W3C Web Authentication, level 3, §6). */
export function makePasskey(options: CreationOptions, origin: string, twist: Twist = {}): { passkey: SoftPasskey; response: object } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = twist.id === undefined ? randomBytes(32) : Buffer.from(twist.id, "base64url");
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const coseKey = map([
    [integer(1), integer(2)],
    [integer(3), integer(-7)],
    [integer(-1), integer(1)],
    [integer(-2), bytes(Buffer.from(x, "base64url"))],
    [integer(-3), bytes(Buffer.from(y, "base64url"))],
  ]);
  const passkey: SoftPasskey = { id: id.toString("base64url"), userHandle: options.user.id, privateKey, counter: twist.counter ?? 0 };
  const data = Buffer.concat([
    head(twist.rpId ?? options.rp.id, twist.unverified ? 0x41 : 0x45, passkey.counter),
    Buffer.alloc(16),
    Buffer.from([0, id.length]),
    id,
    coseKey,
  ]);
  const attestationObject = map([
    [text("fmt"), text("none")],
    [text("attStmt"), map([])],
    [text("authData"), bytes(data)],
  ]);
  const response = {
    clientDataJSON: clientData("webauthn.create", options.challenge, origin, twist),
    attestationObject: attestationObject.toString("base64url"),
    transports: ["internal"],
  };
  return { passkey, response: credential(passkey.id, response, { credProps: { rk: true } }) };
}

/** Signs in with it; the counter goes on by one where it counts at all. */
export function usePasskey(passkey: SoftPasskey, options: { challenge: string; rpId: string }, origin: string, twist: Twist = {}): object {
  if (passkey.counter > 0) passkey.counter += 1;
  const clientDataJSON = clientData("webauthn.get", options.challenge, origin, twist);
  const data = head(twist.rpId ?? options.rpId, twist.unverified ? 0x01 : 0x05, twist.counter ?? passkey.counter);
  const signed = Buffer.concat([data, createHash("sha256").update(Buffer.from(clientDataJSON, "base64url")).digest()]);
  return credential(passkey.id, {
    clientDataJSON,
    authenticatorData: data.toString("base64url"),
    signature: sign("sha256", signed, passkey.privateKey).toString("base64url"),
    userHandle: twist.userHandle ?? passkey.userHandle,
  });
}

function credential(id: string, response: object, clientExtensionResults: object = {}): object {
  return { id, rawId: id, type: "public-key", response, clientExtensionResults };
}

function clientData(type: string, challenge: string, origin: string, twist: Twist): string {
  const value = { type: twist.type ?? type, challenge, origin: twist.origin ?? origin, crossOrigin: false };
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function head(rpId: string, flags: number, counter: number): Buffer {
  const rest = Buffer.alloc(5);
  rest.writeUInt8(flags, 0);
  rest.writeUInt32BE(counter, 1);
  return Buffer.concat([createHash("sha256").update(rpId).digest(), rest]);
}

/** CBOR (RFC 8949 §3), as much as is needed here. */
function item(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.from([type | value]);
  if (value < 256) return Buffer.from([type | 24, value]);
  return Buffer.from([type | 25, value >> 8, value & 255]);
}
const integer = (value: number): Buffer => (value >= 0 ? item(0, value) : item(1, -1 - value));
const bytes = (value: Buffer): Buffer => Buffer.concat([item(2, value.length), value]);
const text = (value: string): Buffer => Buffer.concat([item(3, Buffer.byteLength(value)), Buffer.from(value)]);
const map = (entries: [Buffer, Buffer][]): Buffer => Buffer.concat([item(5, entries.length), ...entries.flat()]);
