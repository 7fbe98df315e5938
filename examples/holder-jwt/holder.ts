import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { ConsentError, consentRules } from "../../src/sdk/require-consent.ts";
import { entityConfiguration, settings } from "../entity.ts";
import { countsOf, DATASETS, pageOf } from "../water-readings.ts";

/**
 * A holder that checks tokens by itself, on a server of the Fetch API. It asks for JWT tokens in its entity configuration, and the register shows what
 * that costs: for up to sixty seconds a withdrawal may go unnoticed here.
 */

const own = await settings();
const requireConsent = consentRules({ issuer: own.relais, entityId: own.entityId, key: own.clientKey, jwtTokens: true });
const any = requireConsent();
const named = requireConsent({ dataset: ({ dataset }) => String(dataset) });

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/.well-known/openid-federation") return statement();
  const dataset = /^\/export\/datasets\/([^/]+)$/.exec(pathname)?.[1];
  if (dataset !== undefined) return Response.json(pageOf(dataset, (await named.check(request, { dataset })).account));
  if (pathname !== "/export/datasets") return new Response(null, { status: 404 });
  const { datasets, account } = await any.check(request);
  return Response.json(countsOf(datasets, account));
}

async function statement(): Promise<Response> {
  const holder = {
    export_endpoint: `${own.entityId}/export`,
    country: "FR",
    privacy_contact: "dpo@example.org",
    synthetic: true,
    access_token_format: "jwt",
    datasets: DATASETS,
  };
  const body = await entityConfiguration(own, { name: "Eaux du Plateau", self_data_holder: holder });
  return new Response(body, { headers: { "content-type": "application/entity-statement+jwt" } });
}

/** Node's own server, for whoever has no other one of the Fetch API. */
async function serve({ method = "GET", url = "/", headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const fields = Object.entries(headers).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  const answer = await handle(new Request(own.entityId + url, { method, headers: fields })).catch((error: unknown) => {
    if (error instanceof ConsentError) return error.toResponse();
    throw error;
  });
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
}

createServer((request, response) => void serve(request, response).catch(() => response.destroy())).listen(own.port, "127.0.0.1", () =>
  console.log(`holder ready at ${own.entityId}`),
);
