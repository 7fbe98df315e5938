import { Router, type Request, type Response } from "express";
import { errors, type Client, type Configuration, type Grant, type KoaContextWithOIDC, type Provider } from "oidc-provider";
import type { Consent } from "../core/consent/consent.ts";
import { revokeConsent } from "../core/consent/revoke-consent.ts";
import { isChangeable, presentConsent } from "../core/consent/succession.ts";
import { RelaisError } from "../core/errors.ts";
import { isId, type ParticipantId } from "../core/ids.ts";
import type { Clock, OauthRecords, Store } from "../core/ports.ts";
import { onlyDetail } from "./authorization-details.ts";
import { consentIdIn, detailOf } from "./live-consent.ts";
import { apiResource, GRANT_QUERY_SCOPE, GRANT_REVOKE_SCOPE, TRANSFERS_SCOPE } from "./names.ts";

/** Grant Management for OAuth 2.0, draft 03 (docs/oauth.md, docs/deviations.md). */
export function grantMetadata(issuer: string): Record<string, unknown> {
  return {
    grant_management_endpoint: `${issuer}/grants`,
    grant_management_actions_supported: ["create", "replace", "query", "revoke"],
    grant_management_action_required: false,
  };
}

interface Ports {
  store: Store;
  clock: Clock;
  issuer: string;
}

/** What may be said of grants in a pushed request: `create` makes one, `replace` asks the person to change the one that is named. */
export function grantParameters({ store }: Pick<Ports, "store">): Exclude<NonNullable<Configuration["extraParams"]>, readonly string[]> {
  return {
    grant_id: () => undefined,
    grant_management_action: async (ctx: KoaContextWithOIDC, action: string | undefined, client: Client) => {
      const grantId = ctx.oidc.params?.["grant_id"];
      if (action !== undefined && action !== "create" && action !== "replace")
        throw new errors.InvalidRequest(
          "grant_management_action must be create or replace; what was given is changed as a whole, never merged",
        );
      if ((action === "replace") !== (grantId !== undefined))
        throw new errors.InvalidRequest("grant_id is needed with grant_management_action=replace, and with nothing else");
      if (action === "replace") await mustBeReplaceable(store, ctx, await grantOf(ctx.oidc.provider, client.clientId, grantId));
    },
  };
}

async function mustBeReplaceable(store: Store, ctx: KoaContextWithOIDC, grant: Grant | null): Promise<void> {
  const live = grant === null ? null : await liveConsentOf(store, grant);
  if (live === null) throw new errors.CustomOIDCProviderError("invalid_grant_id", "there is no such grant of this client, or it has ended");
  const { locations, purpose } = onlyDetail(ctx.oidc.params?.["authorization_details"]);
  if (locations[0] !== live.notice.source.entityId || purpose !== live.notice.purpose.iri)
    throw new errors.InvalidAuthorizationDetails(
      "replace keeps the source and the purpose of the grant; others are another grant (create)",
    );
}

/** The grant of this client; another client's does not exist for it. */
export async function grantOf(provider: Provider, clientId: string, grantId: unknown): Promise<Grant | null> {
  const grant = await provider.Grant.find(String(grantId));
  return grant?.clientId === clientId ? grant : null;
}

/** The consent that a grant stands for today; null where it has ended. */
export function liveConsentOf(store: Store, grant: Grant): Promise<Consent | null> {
  const id = consentIdIn(grant.rar);
  return store.read(async (r) => {
    if (!isId("consent", id)) return null;
    const consent = await presentConsent(r, id);
    return isChangeable(consent) ? consent : null;
  });
}

/** Every answer of the token endpoint that stands on a grant names it (§6). */
export const nameGrant: Parameters<Provider["use"]>[0] = async (ctx, next) => {
  await next();
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  const grantId = oidc?.route === "token" && ctx.status === 200 ? oidc.entities.Grant?.jti : undefined;
  if (grantId !== undefined) Object.assign(ctx.body as object, { grant_id: grantId });
};

interface GrantRoutePorts extends Ports {
  records: OauthRecords;
  provider: () => Provider;
  /** The participant that calls with a token of its own for this scope. @throws RelaisError `unauthenticated`, `forbidden`. */
  callerWith(req: Request, scope: string): Promise<{ participantId: ParticipantId; clientId: string }>;
}

/** §7: one grant, by the client that it was given to. */
export function grantRoutes(ports: GrantRoutePorts): Router {
  const router = Router();
  router.get("/grants/:id", (req, res) => show(ports, req, res));
  router.delete("/grants/:id", (req, res) => revoke(ports, req, res));
  router.all("/grants/:id", (_req, res) => {
    res.set("Allow", "GET, HEAD, DELETE");
    throw new RelaisError("method_not_allowed", "This address takes GET and DELETE.");
  });
  return router;
}

async function show(ports: GrantRoutePorts, req: Request, res: Response): Promise<void> {
  const { clientId } = await ports.callerWith(req, GRANT_QUERY_SCOPE);
  const { consent } = await found(ports, clientId, req);
  const detail = await ports.store.read(async (r) => {
    const [source, destination] = await Promise.all([r.participants.get(consent.sourceId), r.participants.get(consent.destinationId)]);
    return detailOf({ consent, source, destination });
  });
  const changedAt = (consent.decidedAt ?? consent.createdAt).toISOString();
  res.set("Cache-Control", "no-store").json({
    scopes: [{ scope: TRANSFERS_SCOPE, resource: [apiResource(ports.issuer)] }],
    claims: [],
    authorization_details: [detail],
    created_at: consent.createdAt.toISOString(),
    // The prose and the example of §7.3 disagree about the name.
    last_updated: changedAt,
    last_updated_at: changedAt,
    expires_at: consent.expiresAt.toISOString(),
  });
}

async function revoke(ports: GrantRoutePorts, req: Request, res: Response): Promise<void> {
  const { clientId, participantId } = await ports.callerWith(req, GRANT_REVOKE_SCOPE);
  const { grant, consent } = await found(ports, clientId, req);
  await revokeConsent(ports, { consentId: consent.id, by: participantId });
  await ports.records.removeByGrant(grant.jti);
  res.set("Cache-Control", "no-store").status(204).end();
}

async function found(ports: GrantRoutePorts, clientId: string, req: Request): Promise<{ grant: Grant; consent: Consent }> {
  const grant = await grantOf(ports.provider(), clientId, req.params["id"]);
  const consent = grant === null ? null : await liveConsentOf(ports.store, grant);
  if (grant === null || consent === null) throw new RelaisError("not_found", "There is no grant of this name, or it has ended.");
  return { grant, consent };
}
