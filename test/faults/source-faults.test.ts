import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { createGzip } from "node:zlib";
import type { TransferState } from "../../src/core/transfer/transfer.ts";
import type { Asked, Misbehaviour } from "../support/fault-front.ts";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { assertNoLooseFiles, judge } from "../support/outside-judge.ts";
import { freePort } from "../support/ports.ts";
import type { Program } from "../support/processes.ts";

/** Everything that a source can do wrong. Its requests do not tell whose they are: one transfer after the other. */
const BILLS = "energy.bills";
const SIZES = [400_000, 300_000];
/** Three pages. */
const NUMBERED = 1200;
const MOST_GROWTH = 96 * 1024 * 1024;
let world: FaultWorld;
let worker: Program;
let count = 0;

interface Page {
  items: Record<string, unknown>[];
  next: string | null;
  [member: string]: unknown;
}

interface Case {
  dataset: typeof DAILY | typeof BILLS;
  wrong(asked: Asked & { nth: number }): Misbehaviour | undefined;
  state: TransferState;
  reason?: string;
  omitted?: string[];
  /** Items that the source counted and never listed. */
  missing?: number;
}

const isPage = ({ path }: Asked): boolean => /\/datasets\/[^/?]+\?/.test(path);
const isItem = ({ path }: Asked): boolean => path.includes("/items/");
const isLater = ({ path }: Asked): boolean => path.includes("cursor=");
const pages =
  (change: (page: Page) => Page, which: (asked: Asked) => boolean = () => true): Case["wrong"] =>
  (asked) =>
    isPage(asked) && which(asked)
      ? { change: ({ body, ...rest }) => ({ ...rest, body: JSON.stringify(change(JSON.parse(body.toString()) as Page)) }) }
      : undefined;
/** A source that is asked for its counts by themselves. */
const uncounted =
  (wrong: Case["wrong"]): Case["wrong"] =>
  (asked) =>
    isPage(asked) ? pages(({ count: _count, ...page }) => page)(asked) : asked.path.endsWith("/datasets") ? wrong(asked) : undefined;
const items =
  (times: number, wrong: () => Misbehaviour): Case["wrong"] =>
  (asked) =>
    isItem(asked) && asked.nth <= times ? wrong() : undefined;
/** The headers that were announced, and then bytes of our own. */
const body = (write: (response: ServerResponse) => void, length: number | null = SIZES[0] as number): Misbehaviour => ({
  hold: (response) => {
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      ...(length === null ? {} : { "content-length": String(length) }),
    });
    write(response);
  },
});
const cutAfter = (bytes: number): Misbehaviour =>
  body((response) => response.write(Buffer.alloc(bytes), () => response.socket?.resetAndDestroy()));
const endless = (response: ServerResponse): void => {
  const chunk = Buffer.alloc(64 * 1024);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
};

const EVER = Number.POSITIVE_INFINITY;
const verified = { state: "verified" } as const;
const broken = { state: "failed", reason: "peer_protocol" } as const;
let first: Page | null = null;
let canary = "";
let heard = 0;

// oxfmt-ignore
const CASES: Record<string, Case> = {
  "500 on the second page, twice":        { dataset: DAILY, wrong: (asked) => isPage(asked) && isLater(asked) && asked.nth <= 4 ? { answer: { status: 500 } } : undefined, ...verified },
  "429 while it is counted":              { dataset: DAILY, wrong: (asked) => isPage(asked) && asked.nth === 1 ? { answer: { status: 429, headers: { "retry-after": "2" } } } : undefined, ...verified },
  "no count on its pages":                { dataset: DAILY, wrong: uncounted(() => undefined), ...verified },
  "429 to the question for all counts":   { dataset: DAILY, wrong: uncounted(({ nth }) => nth === 1 ? { answer: { status: 429, headers: { "retry-after": "2" } } } : undefined), ...verified },
  "a page again instead of the next one": { dataset: DAILY, wrong: pages((page) => first === null ? (first = page) : { ...page, items: first.items }), state: "partial", missing: 700 },
  "pages that lead back to each other":   { dataset: DAILY, wrong: pages((page) => ({ ...page, next: page.next === null ? null : first === null ? (first = page).next : "MA" })), ...broken },
  "a page that is its own next one":      { dataset: DAILY, wrong: (asked) => pages((page) => ({ ...page, next: new URL(asked.path, "http://x").searchParams.get("cursor") }), isLater)(asked), ...broken },
  "fewer items than were counted":        { dataset: DAILY, wrong: pages((page) => ({ ...page, items: page.items.slice(0, 100) })), state: "partial", missing: 900 },
  "two items of one name":                { dataset: DAILY, wrong: pages((page) => ({ ...page, items: [page.items[0]!, ...page.items] })), ...broken },
  "an item that changed since its list":  { dataset: BILLS, wrong: pages((page) => ({ ...page, items: page.items.map((item, at) => at === 0 ? { ...item, digest: `sha-256=:${Buffer.alloc(32).toString("base64")}:` } : item) })), state: "partial", omitted: ["changed"] },
  "the next page at another address":     { dataset: DAILY, wrong: pages((page) => ({ ...page, next: page.next === null ? null : canary })), state: "failed" },
  "an item at another address":           { dataset: BILLS, wrong: items(EVER, () => ({ answer: { status: 302, headers: { location: canary } } })), state: "partial", omitted: ["refused_by_source", "refused_by_source"] },
  "ten times the announced length":       { dataset: BILLS, wrong: items(EVER, () => body((response) => void response.end(Buffer.alloc(4_000_000)), 4_000_000)), state: "partial", omitted: ["too_large", "too_large"] },
  "a body without an end":                { dataset: BILLS, wrong: items(EVER, () => body(endless, null)), state: "partial", omitted: ["too_large", "too_large"] },
  "a page without an end":                { dataset: DAILY, wrong: (asked) => isPage(asked) ? body(endless, null) : undefined, ...broken },
  "a bomb for a page":                    { dataset: DAILY, wrong: (asked) => isPage(asked) ? { hold: bomb } : undefined, ...broken },
  "a bomb for an item":                   { dataset: BILLS, wrong: items(EVER, () => ({ hold: bomb })), state: "partial", omitted: ["refused_by_source", "refused_by_source"] },
  "reset before the first byte":          { dataset: BILLS, wrong: items(1, () => ({ hold: (response) => response.socket?.resetAndDestroy() })), ...verified },
  "reset in the middle of an item":       { dataset: BILLS, wrong: items(1, () => cutAfter(150_000)), ...verified },
  "an end in the middle of an item":      { dataset: BILLS, wrong: items(1, () => body((response) => void response.end(Buffer.alloc(10)), null)), ...verified },
  "text that is no JSON":                 { dataset: DAILY, wrong: (asked) => isPage(asked) ? { answer: { status: 200, body: "<html>" } } : undefined, ...broken },
};

/** A thousand times what it looks like. */
function bomb(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
  const zip = createGzip();
  zip.pipe(response).on("close", () => zip.destroy());
  for (let megabytes = 0; megabytes < 64; megabytes++) zip.write(Buffer.alloc(1024 * 1024, " "));
  zip.end();
}

before(async () => {
  world = await startFaultWorld({
    customers: { many: { [DAILY]: { numbered: NUMBERED }, [BILLS]: { large: SIZES } } },
    accounts: Object.keys(CASES).map((_, place) => `case-${place}`),
    fronted: true,
  });
  const port = await freePort();
  canary = `http://127.0.0.1:${port}/datasets`;
  const strange = createServer((_request, response) => void (heard++, response.end())).listen(port, "127.0.0.1");
  after(() => strange.close());
  await world.start("web,sweeper");
  worker = await world.start("worker");
});
after(() => world?.[Symbol.asyncDispose]());

const residentBytes = async (): Promise<number> =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${worker.pid}/status`, "utf8"))?.[1]) * 1024;

for (const [name, { dataset, wrong, state, reason, omitted = [], missing = 0 }] of Object.entries(CASES))
  test(`${name}: ${state}`, async () => {
    const counts = new Map<string, number>();
    first = null;
    world.fronts!.energy.front.misbehave((asked) => {
      const kind = isItem(asked) ? "item" : isPage(asked) ? "page" : "other";
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return wrong({ ...asked, nth: counts.get(kind) as number });
    });
    const before = await residentBytes();
    const account = `case-${count++}`;
    const person = await world.person({ sourceAccount: "many", destinationAccount: account });
    const { id } = await person.transfer(await person.consent([dataset]));
    const end = await world.ended(id);
    world.fronts!.energy.front.misbehave(null);
    const events = await world.store.read((r) => r.transfers.events(id));
    const story = JSON.stringify(events.map(({ kind, details }) => [kind, details]));
    assert.equal(end.state, state, story);
    if (reason !== undefined) assert.deepEqual([end.reason, end.actor], [reason, "holder"], story);
    const left = await world.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 10 }));
    assert.deepEqual(
      left.map((item) => item.reason),
      omitted,
    );
    if (state === "partial") assert.equal(events.at(-1)?.details["missing"], missing, story);
    assert.equal(heard, 0, "nothing was asked elsewhere");
    const growth = (await residentBytes()) - before;
    assert.ok(growth < MOST_GROWTH, `the worker grew by ${Math.round(growth / 1024 / 1024)} MiB`);
    if (state === "verified") await judge(world, [{ id, account }], dataset === DAILY ? NUMBERED : SIZES.length);
  });

test("when all of them have ended, the destination holds no file that no item names", () => assertNoLooseFiles(world));
