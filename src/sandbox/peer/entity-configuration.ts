import type { RequestHandler } from "express";
import type { PublicJwk } from "../../core/register/participant.ts";
import type { OwnKey } from "./own-keys.ts";

const LIFE_SECONDS = 24 * 3600;

export interface EntityDescription {
  entityId: string;
  name: string;
  contact: string;
  /** Signs statements, and nothing else (OpenID Federation 1.0 §3.1). */
  federationKey: OwnKey;
  /** Signs documents, and proves the client that asks about tokens. */
  documentKey: OwnKey;
  /** `self_data_holder` or `self_data_platform`, with its members. */
  metadata: Record<string, object>;
  /** Of programs elsewhere that are this entity's client too. */
  moreClientKeys?: PublicJwk[];
  /** Where Relais sends people back to; none for an entity that asks for nothing. */
  redirectUris?: string[];
}

/** What an entity says of itself (OpenID Federation 1.0 §3), signed anew for each reader. */
export function serveEntityConfiguration(entity: EntityDescription): RequestHandler {
  return async (_request, response) => {
    const iat = Math.floor(Date.now() / 1000);
    const statement = await entity.federationKey.sign("entity-statement+jwt", {
      iss: entity.entityId,
      sub: entity.entityId,
      iat,
      exp: iat + LIFE_SECONDS,
      jwks: { keys: [entity.federationKey.publicJwk] },
      metadata: {
        federation_entity: { organization_name: entity.name, contacts: [entity.contact] },
        oauth_client: {
          token_endpoint_auth_method: "private_key_jwt",
          ...asked(entity.redirectUris ?? []),
          jwks: { keys: [entity.documentKey.publicJwk, ...(entity.moreClientKeys ?? [])] },
        },
        ...entity.metadata,
      },
    });
    response.type("application/entity-statement+jwt").set("cache-control", "no-store").send(statement);
  };
}

function asked(redirectUris: string[]): Record<string, string[]> {
  if (redirectUris.length === 0) return { grant_types: [], response_types: [] };
  return { redirect_uris: redirectUris, grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] };
}
