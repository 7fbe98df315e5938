import { RelaisError } from "../core/errors.ts";
import type { Clock, EntityConfiguration, EntityConfigurations } from "../core/ports.ts";
import type { Fetch } from "../core/transfer/adapter.ts";

interface Settings {
  clock: Clock;
  /** The way to one origin (`src/net`). */
  fetchOrigin: (origin: string, signal: AbortSignal) => Fetch;
  /** Verifies a configuration with the keys that it holds itself (`src/keys/verifier.ts`). */
  verify: (jwt: string, entityId: string, now: Date) => Promise<EntityConfiguration>;
}

const SECONDS = 15;
const MEDIA_TYPE = "application/entity-statement+jwt";

export function createEntityConfigurations(settings: Settings): EntityConfigurations {
  return { fetch: (entityId) => fetchConfiguration(settings, entityId) };
}

async function fetchConfiguration({ clock, fetchOrigin, verify }: Settings, entityId: string): Promise<EntityConfiguration> {
  if (!isIdentifier(entityId)) {
    throw new RelaisError(
      "invalid",
      "An entity identifier is an https address in its usual spelling (small letters, no port 443), without a query and without a slash at its end.",
      { pointers: ["/entityId"] },
    );
  }
  const fetch = fetchOrigin(new URL(entityId).origin, AbortSignal.timeout(SECONDS * 1000));
  const answer = await fetch({ method: "GET", url: `${entityId}/.well-known/openid-federation`, headers: { accept: MEDIA_TYPE } });
  const type = answer.headers["content-type"]?.split(";")[0]?.trim();
  if (answer.status !== 200 || type !== MEDIA_TYPE) {
    await answer.drop();
    throw new RelaisError(
      "peer_protocol",
      `The participant does not publish its entity configuration as ${MEDIA_TYPE}. It must do so at its entity identifier.`,
      { details: { status: answer.status } },
    );
  }
  return verify((await answer.text()).trim(), entityId, clock.now());
}

/** One spelling for each entity: two would be two participants. */
function isIdentifier(entityId: string): boolean {
  if (!URL.canParse(entityId) || entityId.length > 500) return false;
  const { href, search, hash, username } = new URL(entityId);
  return search === "" && hash === "" && username === "" && href.replace(/\/$/, "") === entityId;
}
