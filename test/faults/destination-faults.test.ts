import assert from "node:assert/strict";
import { join } from "node:path";
import type { ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { MANIFEST_TYPE, RECEIPT_TYPE } from "../../src/core/transfer/manifest.ts";
import type { TransferState } from "../../src/core/transfer/transfer.ts";
import { openOwnKey, type OwnKey } from "../../src/sandbox/peer/own-keys.ts";
import { abreast } from "../bench/measure.ts";
import type { Asked, Misbehaviour } from "../support/fault-front.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { assertNoLooseFiles, judge, type Accepted } from "../support/outside-judge.ts";

/** Everything that a destination can do wrong, each to a transfer of its own, all at once: the worker carries them side by side. */
const BILLS = "energy.bills";
/** Large enough that no item travels with others in one request. */
const SIZES = [400_000, 300_000, 300_000];

interface Case {
  /** How it answers the nth request of this kind that this transfer makes. */
  wrong(asked: Asked & { nth: number }): Misbehaviour | undefined;
  state: TransferState;
  reason?: string;
  actor?: string;
  /** Reasons of items that stayed behind. */
  omitted?: string[];
  /** Least seconds between the refusal and the next try, and most that the plan may say. */
  waits?: [least: number, most: number];
}

const KINDS = { announce: /^POST \/inbox\/transfers$/, put: /^PUT /, complete: /^POST .*\/complete$/ } as const;
type Kind = keyof typeof KINDS;
const answers = (kind: Kind, times: number, answer: { status: number; headers?: Record<string, string> }): Case["wrong"] =>
  on(kind, times, () => ({ answer }));
/** The first so many requests of this kind. */
const on =
  (kind: Kind, times: number, wrong: () => Misbehaviour): Case["wrong"] =>
  ({ method, path, nth }) =>
    KINDS[kind].test(`${method} ${path}`) && nth <= times ? wrong() : undefined;

const EVER = Number.POSITIVE_INFINITY;
const verified = { state: "verified" } as const;
const failed = (reason: string, actor = "platform") => ({ state: "failed", reason, actor }) as const;
const partial = (...omitted: string[]) => ({ state: "partial", omitted }) as const;
const seconds = (text: string) => ({ status: 429, headers: { "retry-after": text } });
const inSeconds = (count: number) => new Date(Date.now() + count * 1000).toUTCString();
const cutAt = (part: "nothing" | "half"): Misbehaviour => ({
  hold: (response, request) => {
    let bytes = 0;
    const most = part === "nothing" ? 0 : Number(request.headers["content-length"]) / 2;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length) >= most && response.socket?.resetAndDestroy());
  },
});
const header = (response: ServerResponse): void => {
  const drip = setInterval(() => response.socket?.write("x"), 1000);
  response.socket?.write("HTTP/1.1 200 OK\r\nx-slow: ");
  response.once("close", () => clearInterval(drip));
};

// oxfmt-ignore
const CASES: Record<string, Case> = {
  "500 twice":                       { wrong: answers("put", 2, { status: 500 }), ...verified },
  "502 twice":                       { wrong: answers("complete", 2, { status: 502 }), ...verified },
  "503 once":                        { wrong: answers("put", 1, { status: 503 }), ...verified },
  "429 in seconds":                  { wrong: answers("put", 1, seconds("3")), ...verified, waits: [3, 3] },
  "429 with a date":                 { wrong: on("put", 1, () => ({ answer: seconds(inSeconds(4)) })), ...verified, waits: [2, 5] },
  "429 with a date of yesterday":    { wrong: on("put", 1, () => ({ answer: seconds(inSeconds(-86_400)) })), ...verified, waits: [0, 1] },
  "429 without a time":              { wrong: answers("put", 1, { status: 429 }), ...verified, waits: [0.5, 3] },
  "429 with nonsense":               { wrong: answers("put", 1, seconds("soon")), ...verified, waits: [0.5, 3] },
  "401 once":                        { wrong: answers("put", 1, { status: 401 }), ...verified },
  "403 to one item":                 { wrong: answers("put", 1, { status: 403 }), ...partial("refused_by_destination") },
  "404 to an item":                  { wrong: answers("put", EVER, { status: 404 }), ...failed("not_found") },
  "409 to an item":                  { wrong: answers("put", EVER, { status: 409 }), ...failed("conflict") },
  "410 to the completion":           { wrong: answers("complete", EVER, { status: 410 }), ...failed("not_found") },
  "412 once":                        { wrong: answers("put", 1, { status: 412 }), ...verified },
  "412 ever":                        { wrong: answers("put", EVER, { status: 412 }), ...partial("changed", "changed", "changed") },
  "413 to one item":                 { wrong: answers("put", 1, { status: 413 }), ...partial("too_large") },
  "415 to one item":                 { wrong: answers("put", 1, { status: 415 }), ...partial("unsupported") },
  "422 to an item":                  { wrong: answers("put", EVER, { status: 422 }), ...failed("peer_protocol") },
  "302 to elsewhere":                { wrong: answers("put", EVER, { status: 302, headers: { location: "http://127.0.0.1:1/" } }), ...failed("peer_protocol") },
  "507 to one item":                 { wrong: answers("put", 1, { status: 507 }), ...partial("too_large") },
  "reset before the body":           { wrong: on("put", 1, () => cutAt("nothing")), ...verified },
  "reset in the middle of a body":   { wrong: on("put", 1, () => cutAt("half")), ...verified },
  "reset after the last byte":       { wrong: on("put", 1, resetWhenDone), ...verified },
  "reset after the completion":      { wrong: on("complete", 1, resetWhenDone), ...verified },
  "never answers":                   { wrong: on("complete", 1, () => ({ hold: (_, request) => void request.resume() })), ...verified },
  "answers a letter a second":       { wrong: on("complete", 1, () => ({ hold: (response, request) => (request.resume(), header(response)) })), ...verified },
  "says 201 and stores nothing":     { wrong: answers("put", 1, { status: 201 }), ...partial("lost") },
  "another digest in the receipt":   { wrong: receipt((claims) => ({ ...claims, items: change(claims.items, { "sha-256": "A".repeat(43) }) })), ...partial("changed") },
  "another length in the receipt":   { wrong: receipt((claims) => ({ ...claims, items: change(claims.items, { bytes: 1 }) })), ...partial("changed") },
  "a receipt of another transfer":   { wrong: receipt((claims) => ({ ...claims, transfer: "trf_0000000000000000000000" })), ...failed("peer_protocol") },
  "a receipt of another manifest":   { wrong: receipt((claims) => ({ ...claims, manifest: "A".repeat(43) })), ...failed("peer_protocol") },
  "a receipt that nobody signed":    { wrong: on("complete", EVER, () => ({ change: ({ body, ...rest }) => ({ ...rest, body: unsigned(body.toString()) }) })), ...failed("peer_protocol") },
  "a receipt by another key":        { wrong: receipt((claims) => claims, () => stranger), ...failed("peer_protocol") },
  "a manifest instead of a receipt": { wrong: receipt((claims) => claims, () => ancreKey, MANIFEST_TYPE), ...failed("peer_protocol") },
  "a receipt twice":                 { wrong: on("complete", 1, twice), ...verified },
};

let world: FaultWorld;
let ancreKey: OwnKey;
let stranger: OwnKey;
/** By the transfer, once it is known. */
const cases = new Map<string, string>();
const begun = new Map<string, Accepted>();

interface Claims extends Record<string, unknown> {
  items: Record<string, unknown>[];
}

const change = ([first, ...others]: Claims["items"], with_: object) => [{ ...first, ...with_ }, ...others];

/** What Ancre signed, changed and signed again: with its own key, unless another one is asked for. */
function receipt(changed: (claims: Claims) => object, key = () => ancreKey, type = RECEIPT_TYPE): Case["wrong"] {
  return on("complete", EVER, () => ({
    change: async ({ body, ...rest }) => {
      const claims = JSON.parse(Buffer.from(body.toString().split(".")[1] ?? "", "base64url").toString()) as Claims;
      return { ...rest, body: await key().sign(type, changed(claims) as Claims) };
    },
  }));
}

function unsigned(jws: string): string {
  return `${Buffer.from(JSON.stringify({ alg: "none", typ: RECEIPT_TYPE })).toString("base64url")}.${jws.split(".")[1]}.AAAA`;
}

/** It is done, and nobody hears of it. */
function resetWhenDone(): Misbehaviour {
  return { change: () => Promise.reject(new Error("reset")) };
}

/** The first one is lost on the way, and comes again for the same manifest. */
function twice(): Misbehaviour {
  return { change: ({ headers, body }) => ({ status: 503, headers: { ...headers, "retry-after": "1" }, body }) };
}

before(async () => {
  const names = Object.keys(CASES);
  world = await startFaultWorld({
    customers: { many: { [BILLS]: { large: SIZES } } },
    accounts: names.map(accountOf),
    fronted: true,
    settings: { RELAIS_WORKER_CONCURRENCY: "40", RELAIS_LEASE_SECONDS: "30" },
  });
  const keys = join(world.dir, "sandbox", "ancre", "keys");
  ancreKey = await openOwnKey(keys, "documents");
  stranger = await openOwnKey(join(world.dir, "stranger"), "documents");
  const counts = new Map<string, number>();
  world.fronts!.ancre.front.misbehave((asked) => {
    const name = cases.get(/trf_\w+/.exec(asked.path)?.[0] ?? "");
    if (name === undefined) return undefined;
    const kind = (Object.keys(KINDS) as Kind[]).find((one) => KINDS[one].test(`${asked.method} ${asked.path}`));
    const nth = (counts.get(`${name} ${kind}`) ?? 0) + 1;
    counts.set(`${name} ${kind}`, nth);
    return CASES[name]?.wrong({ ...asked, nth });
  });
  await world.start("web,worker");
  await abreast(names.length, 4, async (index) => begin(names[index] as string));
  // They are rung for only now: each is known to the front before its first request.
  await world.start("sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

function accountOf(name: string): string {
  return name.replaceAll(/\W/g, "-");
}

async function begin(name: string): Promise<void> {
  const person = await world.person({ sourceAccount: "many", destinationAccount: accountOf(name) });
  const { id } = await person.transfer(await person.consent([BILLS]));
  cases.set(id, name);
  begun.set(name, { id, account: accountOf(name) });
}

for (const [name, { state, reason = null, actor = null, omitted = [], waits }] of Object.entries(CASES))
  test(`${name}: ${state}${reason === null ? "" : `, ${reason}`}${omitted.length > 0 ? `, ${omitted.join(" ")}` : ""}`, async () => {
    const accepted = begun.get(name) as Accepted;
    const end = await world.ended(accepted.id);
    const events = await world.store.read((r) => r.transfers.events(accepted.id));
    assert.deepEqual(
      [end.state, end.reason, end.actor],
      [state, reason, actor],
      JSON.stringify(events.map(({ kind, details }) => [kind, details])),
    );
    const left = await world.store.read((r) => r.transfers.items(accepted.id, { state: "omitted", limit: 10 }));
    assert.deepEqual(
      left.map((item) => item.reason),
      omitted,
    );
    if (state !== "verified") return assertNotCalledDelivered(accepted, state);
    await judge(world, [accepted], SIZES.length);
    if (waits) await assertWaited(accepted, waits);
  });

test("when all of them have ended, the destination holds no file that no item names", () => assertNoLooseFiles(world));

/** I5: where the destination did not prove it, there is no receipt, or it says what is missing. */
async function assertNotCalledDelivered({ id }: Accepted, state: TransferState): Promise<void> {
  const kinds = (await world.store.read((r) => r.transfers.documents(id))).map(({ kind }) => kind);
  assert.equal(kinds.includes("receipt"), state === "partial", kinds.join());
}

async function assertWaited({ id }: Accepted, [least, most]: [number, number]): Promise<void> {
  const events = await world.store.read((r) => r.transfers.events(id));
  const at = events.findIndex(({ kind }) => kind === "retry_planned");
  const [planned, next] = [events[at], events[at + 1]];
  const told = Number(planned?.details["seconds"]);
  const waited = ((next?.at.getTime() ?? 0) - (planned?.at.getTime() ?? 0)) / 1000;
  assert.deepEqual([planned?.details["reason"], next?.kind], ["rate_limited", "attempt_started"]);
  assert.ok(told >= least && told <= most, `planned in ${told} s`);
  assert.ok(waited >= least - 0.05, `waited ${waited} s`);
}
