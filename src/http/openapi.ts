import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { RECEIPT_TYPE } from "../core/transfer/manifest.ts";
import { LARGEST_DOCUMENT_BYTES } from "../core/verification/verify-document.ts";
import { ROUTES, type Route } from "./routes.ts";
import { Problem } from "./schemas.ts";

/** The OpenAPI 3.1 document of the route table. */
export function openApiDocument(issuer: string): object {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of ROUTES) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Relais",
      version: "1",
      description:
        "Register, consent and transfer of personal data. OAuth endpoints are described by `/.well-known/oauth-authorization-server`, federation endpoints by `/.well-known/openid-federation`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: issuer }],
    components: {
      securitySchemes: {
        consentToken: { type: "http", scheme: "DPoP", description: "A consent token with a DPoP proof (RFC 9449)" },
        registerToken: {
          type: "http",
          scheme: "DPoP",
          description: "A token of a participant's or an office's own key (client credentials, scope `register`) with a DPoP proof",
        },
      },
    },
    paths,
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  return {
    summary: route.summary,
    operationId: route.handler.name,
    ...(route.may === "anyone" ? {} : { security: [{ [route.may === "consent token" ? "consentToken" : "registerToken"]: [] }] }),
    ...parametersOf(route),
    ...bodyOf(route),
    responses: {
      [route.status]: { description: route.summary, content: contentOf(route) },
      default: { description: "What went wrong, who can mend it and how", content: { "application/problem+json": { schema: Problem } } },
    },
  };
}

function contentOf({ answers, text }: Route) {
  const schema = { type: "string" } as const;
  const texts = (text?.types ?? []).map((type) => [type, { schema: text?.instead ? answers : schema }] as const);
  return Object.fromEntries([...(text?.instead ? [] : [["application/json", { schema: answers }] as const]), ...texts]);
}

function parametersOf({ params, headers, query }: Route): Pick<ZodOpenApiOperationObject, "requestParams"> {
  if (!params && !headers && !query) return {};
  return { requestParams: { ...(params ? { path: params } : {}), ...(headers ? { header: headers } : {}), ...(query ? { query } : {}) } };
}

function bodyOf({ body }: Route): Pick<ZodOpenApiOperationObject, "requestBody"> {
  if (body === undefined) return {};
  if (body === "file")
    return { requestBody: { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } } };
  if (body === "receipt")
    return { requestBody: { required: true, content: { [`application/${RECEIPT_TYPE}`]: { schema: { type: "string" } } } } };
  if (body === "document")
    return {
      requestBody: { required: true, content: { "text/plain": { schema: { type: "string", maxLength: LARGEST_DOCUMENT_BYTES } } } },
    };
  return { requestBody: { required: true, content: { "application/json": { schema: body } } } };
}
