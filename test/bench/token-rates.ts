import { generateKeyPairSync } from "node:crypto";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { join } from "node:path";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { freePort } from "../support/ports.ts";
import { startNode } from "../support/processes.ts";
import { accreditedParticipant, dataset, testKey, type TestKey } from "../support/register-fixtures.ts";
import { figure, median, ratio, type Measure } from "./measure.ts";
import { databaseTime, processorTimeOf } from "./processor-time.ts";
import {
  authentication,
  formRequest,
  lineTo,
  proofOf,
  signingClient,
  type Answer,
  type Line,
  type Prepared,
  type SigningClient,
} from "./signed-requests.ts";

const REQUESTS = 1500;
const WARM = 200;
const WIDTH = 16;
/** As in the morning, when everybody's holder asks at once: what is asked together costs less. */
const CROWD = 64;
const TOKENS = 20;
const STOCK = new URL("./stock-provider.ts", import.meta.url).pathname;

type Tell = (line: string) => void;

/** A server with what is asked of it. */
interface Server extends AsyncDisposable {
  issuer: string;
  line: Line;
  platform: SigningClient;
  holder: SigningClient;
  /** The API that a platform asks a token for. */
  resource: string;
  /** Of which the holder asks: live at the time of the call. */
  tokens(): Promise<string[]>;
  /** Milliseconds that the server, and the connections of its database, computed so far. */
  computed(): Promise<Computed>;
}

interface Computed {
  server: number;
  database: number;
}

interface Rate {
  perSecond: number;
  /** Milliseconds of processor time for each answer. */
  each: Computed;
}

/** Tokens and introspections per second of a Relais in its own process, beside a stock `oidc-provider` in its own, by requests that were signed before. */
export async function tokenRates(rounds: number, tell: Tell): Promise<Measure[]> {
  await using ours = await startOurs();
  await using stock = await startStock();
  const found: Record<"tokens" | "introspections" | "crowd", { ours: Rate; stock: Rate }[]> = { tokens: [], introspections: [], crowd: [] };
  for (const server of [ours, stock]) {
    await tokens(server, WARM);
    await introspections(server, WIDTH, WARM);
  }
  for (let round = 1; round <= rounds; round++) {
    found.tokens.push({ ours: await tokens(ours), stock: await tokens(stock) });
    found.introspections.push({ stock: await introspections(stock, WIDTH), ours: await introspections(ours, WIDTH) });
    found.crowd.push({ ours: await introspections(ours, CROWD), stock: await introspections(stock, CROWD) });
    tell(
      `round ${round}: ${JSON.stringify({ tokens: found.tokens.at(-1), introspections: found.introspections.at(-1), crowd: found.crowd.at(-1) }, (_, n: unknown) => (typeof n === "number" ? Number(n.toPrecision(3)) : n))}`,
    );
  }
  const of = (kind: keyof typeof found, whose: "ours" | "stock") => median(found[kind].map((one) => one[whose].perSecond));
  const share = (kind: keyof typeof found) => median(found[kind].map((one) => one.ours.perSecond / one.stock.perSecond));
  const costs = (kind: keyof typeof found) => {
    const each = (whose: "ours" | "stock", part: keyof Computed) => median(found[kind].map((one) => one[whose].each[part]));
    const total = each("ours", "server") + each("ours", "database");
    return figure(
      `processor time for each of ours`,
      total,
      "ms",
      `${each("ours", "server").toFixed(2)} in our process, ${each("ours", "database").toFixed(2)} in the database; ${each("stock", "server").toFixed(2)} in the stock provider`,
    );
  };
  return [
    figure(
      "tokens (client credentials, private_key_jwt, DPoP), durable",
      of("tokens", "ours"),
      "tokens/s",
      "one process, two cores shared with PostgreSQL and the client",
    ),
    figure("the same requests at a stock oidc-provider in memory", of("tokens", "stock"), "tokens/s"),
    ratio("tokens, ours / stock", share("tokens"), 0.5, 1, "three records are written before the answer"),
    costs("tokens"),
    figure(
      "introspections (signed answers) of consent tokens, live consent and standing read each time",
      of("introspections", "ours"),
      "answers/s",
    ),
    figure("the same at a stock oidc-provider, of its own tokens in memory", of("introspections", "stock"), "answers/s"),
    ratio(
      "introspections, ours / stock",
      share("introspections"),
      0.8,
      1,
      "one record is written, and the consent read, before the answer",
    ),
    costs("introspections"),
    figure(`the same introspections, ${CROWD} at once instead of ${WIDTH}`, of("crowd", "ours"), "answers/s"),
    figure(`the same at the stock oidc-provider, ${CROWD} at once`, of("crowd", "stock"), "answers/s"),
    ratio(`introspections ${CROWD} at once, ours / stock`, share("crowd"), 0.8, 1, "more questions share each statement"),
    costs("crowd"),
  ];
}

/** Signed with the nonce of now: it holds for a minute or two. */
async function tokens(server: Server, count = REQUESTS): Promise<Rate> {
  const { line, issuer, platform, resource } = server;
  const url = `${issuer}/token`;
  const form = { grant_type: "client_credentials", scope: "register", resource };
  const signed = (nonce?: string): Prepared =>
    formRequest("/token", { ...form, ...authentication(platform, issuer) }, { dpop: proofOf(platform, { method: "POST", url, nonce }) });
  const nonce = String((await line.send(signed())).headers["dpop-nonce"]);
  const requests = Array.from({ length: count }, () => signed(nonce));
  return rateOf(server, requests, {
    width: WIDTH,
    isGood: ({ status, text }) => status === 200 && text.includes('"token_type":"DPoP"'),
  });
}

async function introspections(server: Server, width: number, count = REQUESTS): Promise<Rate> {
  const { issuer, holder } = server;
  const known = await server.tokens();
  const accept = "application/token-introspection+jwt";
  const requests = Array.from({ length: count }, (_, index) =>
    formRequest(
      "/token/introspection",
      { token: known[index % known.length] as string, token_type_hint: "access_token", ...authentication(holder, issuer) },
      { accept },
    ),
  );
  return rateOf(server, requests, { width, isGood: isActive });
}

async function rateOf(
  { line, computed }: Server,
  requests: Prepared[],
  { width, isGood }: { width: number; isGood: (answer: Answer) => boolean },
): Promise<Rate> {
  const before = await computed();
  const perSecond = await line.rate(requests, width, isGood);
  const after = await computed();
  const each = (part: keyof Computed) => (after[part] - before[part]) / requests.length;
  return { perSecond, each: { server: each("server"), database: each("database") } };
}

export function isActive({ status, text }: Answer): boolean {
  const payload = Buffer.from(text.split(".")[1] ?? "", "base64url").toString();
  return status === 200 && payload.includes('"active":true');
}

async function startOurs(): Promise<Server> {
  await using early = new AsyncDisposableStack();
  const world = early.use(await startFaultWorld({}));
  const { pid } = await world.start("web");
  const [holderKey, platformKey] = await Promise.all([testKey(), testKey()]);
  const source = await benchHolder(world, holderKey);
  const platform = await accreditedParticipant(world.store, {
    entityId: "https://bench-platform.example",
    roles: ["platform"],
    keys: [platformKey.publicJwk],
  });
  const given = await Promise.all(Array.from({ length: TOKENS }, (_, index) => consentAt(world, source, platform, `account-${index}`)));
  const line = early.use(lineTo(world.url, CROWD));
  const server = {
    issuer: world.url,
    line,
    platform: await signingClient(platform.entityId, platformKey),
    holder: await signingClient(source.entityId, holderKey),
    resource: `${world.url}/v1`,
    tokens: () => Promise.all(given.map((consent) => workerToken(world, consent, source))),
    computed: async () => ({ server: await processorTimeOf(pid), database: await databaseTime(world.pool) }),
  };
  const owned = early.move();
  return { ...server, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export function benchHolder({ store }: FaultWorld, key: TestKey): Promise<Participant> {
  const datasets = [dataset("bench.bills"), dataset("bench.readings")];
  return accreditedParticipant(store, { entityId: "https://bench-holder.example", roles: ["holder"], keys: [key.publicJwk], datasets });
}

export async function consentAt(world: FaultWorld, source: Participant, destination: Participant, account: string): Promise<Consent> {
  const person = await world.person({ source, destination, sourceAccount: account, destinationAccount: account });
  return person.consent(source.datasets.map(({ id }) => id));
}

/** As the worker gets it. */
export async function workerToken(world: FaultWorld, consent: Consent, source: Participant): Promise<string> {
  const worker = await openKeyring(join(world.dir, "relais", "keys"), "worker");
  const outbound = world.network.fetchOrigin(world.url, new AbortController().signal);
  const holder = await createConsentTokens({ issuer: world.url, key: () => worker.current("worker"), fetch: outbound }).open(
    consent,
    source,
  );
  const { authorization = "" } = await holder.consentHeaders({ method: "GET", url: source.entityId });
  return authorization.slice("DPoP ".length);
}

async function startStock(): Promise<Server> {
  await using early = new AsyncDisposableStack();
  const [port, holderKey, platformKey] = await Promise.all([freePort(), testKey(), testKey()]);
  const issuer = `http://127.0.0.1:${port}`;
  const resource = `${issuer}/v1`;
  const own = {
    ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }),
    use: "sig",
    alg: "ES256",
    kid: "own",
  };
  const clientOf = (client_id: string, { publicJwk }: TestKey) => ({
    client_id,
    token_endpoint_auth_method: "private_key_jwt",
    grant_types: ["client_credentials"],
    response_types: [],
    redirect_uris: [],
    scope: "register",
    dpop_bound_access_tokens: true,
    jwks: { keys: [publicJwk] },
  });
  const clients = [clientOf("https://bench-holder.example", holderKey), clientOf("https://bench-platform.example", platformKey)];
  const program = early.use(startNode([STOCK, JSON.stringify({ port, jwks: { keys: [own] }, clients, resource })]));
  await program.line(/^ready/);
  const [holder, platform] = await Promise.all([
    signingClient("https://bench-holder.example", holderKey),
    signingClient("https://bench-platform.example", platformKey),
  ]);
  const line = early.use(lineTo(issuer, CROWD));
  const computed = async () => ({ server: await processorTimeOf(program.pid), database: 0 });
  const server = { issuer, line, platform, holder, resource, computed };
  // Its memory keeps the last thousand records: tokens of before are gone.
  const fresh = () => Promise.all(Array.from({ length: TOKENS }, () => stockToken(server)));
  const owned = early.move();
  return { ...server, tokens: fresh, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function stockToken({ issuer, line, platform, resource }: Omit<Server, "tokens" | typeof Symbol.asyncDispose>): Promise<string> {
  const url = `${issuer}/token`;
  const form = { grant_type: "client_credentials", scope: "register", resource };
  const ask = (nonce?: string) =>
    line.send(
      formRequest("/token", { ...form, ...authentication(platform, issuer) }, { dpop: proofOf(platform, { method: "POST", url, nonce }) }),
    );
  const { text } = await ask(String((await ask()).headers["dpop-nonce"]));
  return (JSON.parse(text) as { access_token: string }).access_token;
}
