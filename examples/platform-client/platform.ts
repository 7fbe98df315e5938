import { randomUUID } from "node:crypto";
import express, { type ErrorRequestHandler, type Request } from "express";
import { createPlatformClient, type KeptGrant, type KeptRequest, RelaisError } from "../../src/sdk-client/platform-client.ts";
import { entityConfiguration, settings } from "../entity.ts";

/** A platform that sends its user to Relais, and asks for the delivery that they allowed. What a real one has in its tables is in two maps here. */

const own = await settings();
const redirectUri = `${own.entityId}/callback`;
const relais = createPlatformClient({ issuer: own.relais, entityId: own.entityId, redirectUri, key: own.clientKey });

/** By the secret in the cookie of the browser that began: the answer belongs to it alone. */
const begun = new Map<string, KeptRequest>();
const grants = new Map<string, KeptGrant>();

const app = express();
app.get("/.well-known/openid-federation", async (_request, response) => {
  const platform = { inbox_endpoint: `${own.entityId}/inbox`, country: "FR", privacy_contact: "dpo@example.org" };
  const statement = await entityConfiguration(own, { name: "Mon Coin", redirectUris: [redirectUri], self_data_platform: platform });
  response.type("application/entity-statement+jwt").send(statement);
});
app.post("/bring", express.urlencoded({ extended: false }), async (request, response) => {
  const { holder, datasets } = request.body as { holder: string; datasets: string };
  const { url, kept } = await relais.begin({ holder, datasets: datasets.split(" "), language: "fr" });
  const secret = randomUUID();
  begun.set(secret, kept);
  response.cookie("begun", secret, { httpOnly: true, sameSite: "lax", secure: own.entityId.startsWith("https:") });
  response.redirect(303, url.href);
});
app.get("/callback", async (request, response) => {
  const kept = taken(request);
  const grant = await (await relais.resume(kept)).redeem(new URL(own.entityId + request.originalUrl));
  const id = randomUUID();
  // The id of our own row is the key: asked again after a failure, Relais gives the same transfer.
  const transfer = await grant.requestTransfer(id);
  grants.set(id, grant.kept());
  response.json({ id, consent: grant.consent, datasets: grant.datasets, transfer });
});
app.get("/deliveries/:id/:transfer", async (request, response) => {
  const { id, transfer } = request.params;
  const kept = grants.get(id);
  if (kept === undefined) throw new RelaisError("not_found", "There is no such delivery here.");
  const grant = await relais.restore(kept);
  response.json(await grant.readTransfer(transfer).finally(() => grants.set(id, grant.kept())));
});
app.use(tellWhoCanMend());
app.listen(own.port, "127.0.0.1", () => console.log(`platform ready at ${own.entityId}`));

/** Used up before anything is asked of Relais: a second answer finds nothing. */
function taken(request: Request): KeptRequest {
  const secret = /(?:^|; )begun=([^;]+)/.exec(request.get("cookie") ?? "")?.[1] ?? "";
  const kept = begun.get(secret);
  begun.delete(secret);
  if (kept === undefined) throw new RelaisError("unauthenticated", "This request is over, or was begun in another browser.");
  return kept;
}

function tellWhoCanMend(): ErrorRequestHandler {
  return (error, _request, response, next) => {
    if (!(error instanceof RelaisError)) return next(error);
    response.status(error.retryable ? 503 : 400).json({ code: error.code, actor: error.actor, says: error.message });
  };
}
