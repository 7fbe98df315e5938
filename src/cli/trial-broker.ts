import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { randomUUID } from "node:crypto";
import type { ProbePorts, TestToken } from "../core/conformance/probing.ts";
import type { EntityConfigurations } from "../core/ports.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { createEntityConfigurations } from "../federation/entity-configuration.ts";
import { newProofKey } from "../keys/dpop.ts";
import { openKeyring, type Keyring } from "../keys/keyring.ts";
import { anHourAgo, createSigner, signCompact } from "../keys/signer.ts";
import { createVerifier, verifyCompact, verifyEntityConfiguration } from "../keys/verifier.ts";
import { inspectTls, txtRecords } from "../net/inspections.ts";
import { networkFor } from "../net/network.ts";

export interface TrialBroker extends AsyncDisposable {
  /** What the participant under test has to trust for the time of the trial. */
  issuer: string;
  ports: ProbePorts;
  entityConfigurations: EntityConfigurations;
}

interface Standing {
  aud: string;
  jkt: string;
  datasets: string[];
  actions: string[];
  account: string;
}

const clock = {
  now: () => new Date(),
  sleep: async (milliseconds: number, signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  },
};

/**
 * A broker for one trial, on this machine, with keys of its own that are forgotten at its end: published keys, signed requests, and signed
 * introspection of the tokens that it makes for the test account. The probes that run over it are those of the register.
 */
export async function startTrialBroker({ port, allowLoopback }: { port: number; allowLoopback: boolean }): Promise<TrialBroker> {
  const folder = await mkdtemp(join(tmpdir(), "relais-trial-"));
  const keys = await openKeyring(folder, "worker");
  const tokens = new Map<string, Standing>();
  const network = networkFor({ allowLoopback });
  const server = createServer((request, response) => void answer(broker, request, response).catch(() => response.destroy()));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const entityConfigurations = createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration });
  const broker: Broker = { issuer, keys, tokens, entityConfigurations };
  const documentKey = () => keys.current("documents");
  const ports: ProbePorts = {
    issuer,
    clock,
    fetchFor: network.fetchFor,
    fetchOrigin: network.fetchOrigin,
    entityConfigurations,
    signer: createSigner(documentKey, clock),
    pastSigner: createSigner(documentKey, anHourAgo(clock)),
    verifier: createVerifier(),
    txt: txtRecords,
    tls: (origin) => inspectTls({ allowLoopback }, origin),
    testToken: (asked) => makeToken(tokens, asked),
  };
  return { issuer, ports, entityConfigurations, [Symbol.asyncDispose]: () => close(server, network, folder) };
}

async function close(server: Server, network: AsyncDisposable, folder: string): Promise<void> {
  server.close();
  server.closeAllConnections();
  await network[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
}

async function makeToken(
  tokens: Map<string, Standing>,
  { participant, datasets, actions }: Parameters<ProbePorts["testToken"]>[0],
): Promise<TestToken> {
  const { jkt, proof } = await newProofKey();
  const accessToken = randomUUID();
  tokens.set(accessToken, { aud: participant.entityId, jkt, datasets, actions, account: participant.about.testAccount ?? "" });
  return {
    headers: async ({ method, url }) => ({ authorization: `DPoP ${accessToken}`, dpop: await proof({ method, url, accessToken }) }),
    end: async () => void tokens.delete(accessToken),
  };
}

interface Broker {
  issuer: string;
  keys: Keyring;
  tokens: Map<string, Standing>;
  entityConfigurations: EntityConfigurations;
}

async function answer(broker: Broker, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/.well-known/jwks.json")
    return void response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: await broker.keys.publicKeys() }));
  if (request.url === "/token/introspection" && request.method === "POST") return introspect(broker, request, response);
  response.writeHead(404).end();
}

/** RFC 9701, for the participant that the token is for, which proves itself by its own published key (RFC 7523). */
async function introspect(
  { issuer, keys, tokens, entityConfigurations }: Broker,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = new URLSearchParams(await text(request));
  const client = await clientOf({ issuer, entityConfigurations }, form);
  if (client === null) return void response.writeHead(401).end();
  const iat = Math.floor(Date.now() / 1000);
  const token_introspection = standingOf(tokens.get(String(form.get("token"))), client, iat);
  response
    .setHeader("content-type", "application/token-introspection+jwt")
    .end(signCompact(keys.current("worker"), "token-introspection+jwt", { iss: issuer, aud: client, iat, token_introspection }));
}

async function clientOf(
  { issuer, entityConfigurations }: Pick<Broker, "issuer" | "entityConfigurations">,
  form: URLSearchParams,
): Promise<string | null> {
  const id = String(form.get("client_id"));
  try {
    const { keys, metadata } = await entityConfigurations.fetch(id);
    const own = (metadata["oauth_client"]?.["jwks"] as { keys?: PublicJwk[] } | undefined)?.keys ?? [];
    const claims = await verifyCompact(String(form.get("client_assertion")), { type: "jwt", keys: [...keys, ...own] });
    return claims["sub"] === id && claims["aud"] === issuer ? id : null;
  } catch {
    return null;
  }
}

function standingOf(standing: Standing | undefined, client: string, iat: number): object {
  if (standing?.aud !== client) return { active: false };
  const { aud, jkt, account, datasets, actions } = standing;
  return {
    active: true,
    aud,
    cnf: { jkt },
    exp: iat + 300,
    account,
    authorization_details: [{ type: "self_data_transfer", actions, locations: [aud], datasets }],
  };
}
