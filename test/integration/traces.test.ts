import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startSession } from "../../src/core/person/sessions.ts";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import type { TransferId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import type { Library } from "../../src/sandbox/export/library.ts";
import { startHolder, type Program as Peer } from "../../src/sandbox/holder/holder.ts";
import { ANCRE } from "../../src/sandbox/platform/personas.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { traceOf } from "../../src/telemetry/traces.ts";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { freePort } from "../support/ports.ts";
import { realClock } from "../support/real-clock.ts";
import { startTraceReceiver, type ReceivedSpan, type TraceReceiver } from "../support/trace-receiver.ts";

/** What must stand in no trace. */
const CANARIES = {
  name: "Zéphyrine-Kanarienvogel",
  subject: "zephyrine@kanarienvogel.example",
  customer: "KUNDE-kanari-4711",
  space: "espace-kanari-0815",
  key: "canarykey-2024-05",
  content: "canarycontent",
  query: "canaryquery",
};

let world: FaultWorld;
let receiver: TraceReceiver;
let holder: { peer: Peer; participant: Participant };
let platform: { peer: Peer; participant: Participant };
const foreign: IncomingMessage[] = [];
const watch = (message: unknown): void => void foreign.push((message as { request: IncomingMessage }).request);

const content = Buffer.from(canonicalJson({ value: CANARIES.content }));
const library: Library = {
  counts: async () => [{ dataset: DAILY, items: 3, bytes: 3 * content.length }],
  page: async () => ({
    items: [1, 2, 3].map((index) => ({
      key: `${CANARIES.key}-${index}`,
      mediaType: "application/json",
      bytes: content.length,
      sha256: sha256(content),
      modified: "2026-10-31",
    })),
    next: null,
  }),
  read: async () => ({
    mediaType: "application/json",
    bytes: content.length,
    sha256: sha256(content),
    body: (async function* () {
      yield content;
    })(),
  }),
};

before(async () => {
  receiver = await startTraceReceiver();
  world = await startFaultWorld({ settings: { RELAIS_LOG_LEVEL: "debug", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  const settings = { dataDir: join(world.dir, "canaries"), seed: "1", relais: world.url, host: "127.0.0.1", port: 0 };
  const [energy, ancre] = [
    await startHolder({ ...settings, holder: "energy", library }),
    // Item by item, so that each has its span.
    await startPlatform({ ...settings, extra: [CANARIES.space], persona: { ...ANCRE, takesCompactForm: false } }),
  ];
  holder = { peer: energy, participant: await world.register(energy.entityId) };
  platform = { peer: ancre, participant: await world.register(ancre.entityId) };
});
after(async () => {
  await Promise.all([holder, platform].map((end) => end?.peer[Symbol.asyncDispose]()));
  await world?.[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

/** A person asks for a delivery on the page of their permission. */
async function asked(destination = platform.participant): Promise<{ id: TransferId; answer: Response }> {
  const person = await world.person({
    source: holder.participant,
    destination,
    sourceAccount: CANARIES.customer,
    destinationAccount: CANARIES.space,
  });
  const consent = await person.consent([DAILY]);
  await world.pool.query("update relais.people set subject = $2 || $1 where id = $1", [person.id, CANARIES.subject]);
  const { token } = await startSession(
    { store: world.store, clock: realClock },
    { issuer: "https://id.test", subject: CANARIES.subject + person.id, displayName: CANARIES.name },
  );
  const answer = await fetch(`${world.url}/fr/permissions/${consent.id}/start?q=${CANARIES.query}`, {
    method: "POST",
    headers: { cookie: `relais_session=${token}`, traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-00` },
    redirect: "manual",
  });
  assert.equal(answer.status, 303);
  const { rows } = await world.pool.query<{ id: TransferId }>("select id from relais.transfers where consent_id = $1", [consent.id]);
  assert.ok(rows[0]);
  return { id: rows[0].id, answer };
}

test("a transfer is one trace through web and worker: found from its id, and the request that asked for it from there", async () => {
  const web = await world.start("web,sweeper");
  const worker = await world.start("worker");
  diagnostics.subscribe("http.server.request.start", watch);
  const { id, answer } = await asked();
  assert.equal((await world.ended(id)).state, "verified");
  diagnostics.unsubscribe("http.server.request.start", watch);
  // What was not sent yet is sent when a process ends.
  assert.deepEqual(
    [await worker.kill("SIGTERM"), await web.kill("SIGTERM")],
    [
      { code: 0, signal: null },
      { code: 0, signal: null },
    ],
  );
  const spans = receiver.spans();
  const { traceId, spanId } = traceOf(id);
  const own = spans.filter((span) => span.traceId === traceId);
  const [root, ...others] = own.filter(({ parentSpanId }) => parentSpanId === null);
  assert.deepEqual([root?.name, root?.spanId, root?.roles, others], ["transfer accepted", spanId, "web,sweeper", []]);

  const request = spans.find((span) => span.spanId === root?.links[0]?.spanId);
  const top = (span: ReceivedSpan | undefined): ReceivedSpan | undefined =>
    span?.parentSpanId ? top(spans.find((one) => one.spanId === span.parentSpanId)) : span;
  const facts = top(request)?.facts ?? {};
  assert.equal(top(request)?.name, "POST /permissions/:id/start");
  assert.deepEqual(
    [facts["relais.method"], facts["relais.status"], facts["relais.requestId"]],
    ["POST", 303, answer.headers.get("x-request-id")],
  );
  assert.notEqual(top(request)?.traceId, "ab".repeat(16), "nobody joins a trace from outside");

  const attempt = own.find(({ name, facts: said }) => name === "attempt" && said["relais.state"] === "verified");
  assert.deepEqual([attempt?.parentSpanId, attempt?.roles], [spanId, "worker"]);
  const below = (name: string) => own.filter((span) => span.name === name && top(span) === root);
  for (const [name, least] of [
    ["lease taken, right read", 1],
    ["source open", 1],
    ["source count", 1],
    ["source list", 1],
    ["source item", 3],
    ["destination open", 1],
    ["destination announce", 1],
    ["destination put", 3],
    ["destination complete", 1],
    ["step written", 3],
    ["request POST", 1],
    ["request GET", 4],
    ["request PUT", 3],
  ] as const)
    assert.ok(below(name).length >= least, `${name}: ${below(name).length}`);
  const put = below("destination put")[0];
  assert.deepEqual(put?.facts, {
    "relais.participantId": platform.participant.id,
    "relais.adapter": "self-data",
    "relais.bytes": content.length,
  });
  assert.ok(below("request PUT").every((span) => span.kind === 3 && own.some((one) => one.spanId === span.parentSpanId)));

  const token = spans.find(({ name, links }) => name === "POST mounted" && links.some((link) => link.traceId === traceId));
  assert.ok(token, "the worker's question for a token is linked to its attempt");
  const line = worker
    .output()
    .split("\n")
    .find((text) => text.includes("attempt ended") && text.includes(id));
  assert.equal((JSON.parse(line ?? "{}") as { traceId?: string }).traceId, traceId, "the log says the trace");
});

test("watched or not, little travels in one request", async () => {
  const settings = { dataDir: join(world.dir, "compact"), seed: "1", relais: world.url, host: "127.0.0.1", port: 0 };
  await using compact = await startPlatform({ ...settings, extra: [CANARIES.space] });
  const relais = await world.start("web,worker,sweeper");
  const { id } = await asked(await world.register(compact.entityId));
  assert.equal((await world.ended(id)).state, "verified");
  await relais.kill("SIGTERM");
  const own = receiver.spans().filter(({ traceId }) => traceId === traceOf(id).traceId);
  const toDestination = own.filter(({ name }) => name.startsWith("destination "));
  assert.deepEqual(
    toDestination.map(({ name, facts }) => [name, facts["relais.items"]]),
    [
      ["destination open", undefined],
      ["destination hand over", 3],
    ],
  );
});

test("nothing personal stands in a trace, and no trace goes to a participant", () => {
  const text = receiver.text();
  assert.ok(text.includes(platform.participant.id) && receiver.spans().length > 20);
  const words = [...Object.values(CANARIES), "kanari", "canary", "Zéphyrine", "prs_", "cst_", "lnk_", "relais_session"];
  for (const word of words.flatMap((one) => [one, encodeURIComponent(one), Buffer.from(one).toString("base64").slice(0, -4)]))
    assert.ok(!text.includes(word), `a trace holds ${word}: ${text.slice(text.indexOf(word) - 100, text.indexOf(word) + 60)}`);
  assert.ok(foreign.length > 8);
  for (const { headers, url } of foreign) assert.equal(headers["traceparent"] ?? headers["tracestate"], undefined, url);
});

for (const [what, settings] of [
  ["is away", async () => `http://127.0.0.1:${await freePort()}`],
  ["refuses everything", async () => refusing.url],
] as const)
  test(`whoever takes traces ${what}: transfers go as before, and processes end in time`, async () => {
    refusing ??= await startTraceReceiver(() => 503);
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: await settings() };
    const relais = await world.start("web,worker,sweeper", traced);
    const { id } = await asked();
    assert.equal((await world.ended(id)).state, "verified");
    const begun = performance.now();
    assert.deepEqual(await relais.kill("SIGTERM"), { code: 0, signal: null });
    assert.ok(performance.now() - begun < 20_000);
    assert.doesNotMatch(relais.output(), /"level":"(error|fatal)"|unhandled|ECONNREFUSED/i);
  });
let refusing: TraceReceiver;
after(() => refusing?.[Symbol.asyncDispose]());

test("where nobody takes traces nothing that makes or sends them is loaded, and the log says none", async () => {
  const relais = await world.start("web,worker,sweeper", {
    OTEL_EXPORTER_OTLP_ENDPOINT: "",
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
      'import { registerHooks } from "node:module"; registerHooks({ load: (url, context, next) => { if (url.includes("opentelemetry")) process.stderr.write(`LOADED ${url}\\n`); return next(url, context); } });',
    )}`,
  });
  const { id } = await asked();
  assert.equal((await world.ended(id)).state, "verified");
  assert.deepEqual(await relais.kill("SIGTERM"), { code: 0, signal: null });
  // The interface alone (api) comes with prom-client.
  assert.doesNotMatch(relais.output(), /LOADED \S*@opentelemetry\/(?!api\/)|"traceId"/);
});
