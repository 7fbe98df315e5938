import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import { EXIT, print } from "./command.ts";
import { publicCall, type RegisterClient } from "./register-client.ts";

const AT_ONCE = 100;
/** RFC 8417 §2.3. */
const TYPE = "secevent+jwt";

interface Polled {
  sets: Record<string, string>;
}

interface Event {
  id: string;
  at: string;
  type: string;
  about: string;
  details: unknown;
}

interface Asked {
  relais: string;
  entity: string;
  /** Leaves everything unacknowledged, so that it comes again. */
  keep: boolean;
  json: boolean;
}

/**
 * Fetches what Relais tells this participant (RFC 8936), checks each event against the published keys of Relais, and acknowledges what holds. An
 * event that does not hold is printed as such, and not acknowledged.
 */
export async function events(client: RegisterClient, { relais, entity, keep, json }: Asked): Promise<number> {
  const keys = createLocalJWKSet(await publicCall<JSONWebKeySet>(relais, "/.well-known/jwks.json"));
  const good: Event[] = [];
  const bad = new Map<string, string>();
  let ack: string[] = [];
  do {
    const { sets } = await client.send<Polled>("POST", "/v1/events/poll", { ack, maxEvents: AT_ONCE });
    ack = [];
    for (const [id, jws] of Object.entries(sets).filter(([one]) => !bad.has(one)))
      try {
        good.push(await checked(id, jws, { keys, issuer: relais, audience: entity }));
        ack.push(id);
      } catch (error) {
        bad.set(id, error instanceof Error ? error.message : String(error));
      }
  } while (!keep && ack.length > 0);
  const refused = [...bad].map(([id, why]) => ({ id, why }));
  print(json ? JSON.stringify({ events: good, refused, acknowledged: !keep }, null, 2) : linesOf(good, refused).join("\n"));
  return refused.length > 0 ? EXIT.failed : EXIT.fine;
}

function linesOf(good: Event[], refused: { id: string; why: string }[]): string[] {
  if (good.length + refused.length === 0) return ["Nothing new."];
  return [
    ...good.map(({ id, at, type, about }) => `${id}  ${at}  ${type.padEnd(24)} ${about}`),
    ...refused.map(({ id, why }) => `${id}  not believed, not acknowledged: ${why}`),
  ];
}

interface Expected {
  keys: ReturnType<typeof createLocalJWKSet>;
  issuer: string;
  audience: string;
}

/** @throws where it is not signed by Relais, for this participant, as this event. */
async function checked(id: string, jws: string, { keys, issuer, audience }: Expected): Promise<Event> {
  const { payload } = await jwtVerify(jws, keys, { issuer, audience, typ: TYPE, algorithms: ["ES256"] });
  if (payload.jti !== id) throw new Error(`the event calls itself ${payload.jti}`);
  const [uri = ""] = Object.keys(payload["events"] ?? {});
  const details = (payload["events"] as Record<string, unknown> | undefined)?.[uri];
  // A participant by its identifier, or a permission by its own: the person's name is in the token.
  const about = (payload["sub_id"] as { uri?: string } | undefined)?.uri ?? (details as { consent?: string } | undefined)?.consent ?? "";
  return { id, at: new Date(Number(payload.iat) * 1000).toISOString(), type: uri.split("/").at(-1) ?? "", about, details };
}
