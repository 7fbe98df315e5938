import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Router } from "express";
import { RelaisError } from "../../src/core/errors.ts";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "../support/database.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { freePort } from "../support/ports.ts";
import { realClock } from "../support/real-clock.ts";
import { policy } from "../support/policy.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** A browser sends its cookie with whatever another site makes it send: only what came from our own pages may change anything. */

const owned = new AsyncDisposableStack();
let origin = "";
let changes = 0;

before(async () => {
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 2), (open) => open.end());
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const verify = async () => {
    throw new RelaisError("unauthenticated", "Nobody calls here.");
  };
  const ports = {
    store: createStore(openDatabase(pool)),
    clock: realClock,
    policy,
    queue: { ring: async () => undefined },
    issuer: origin,
  };
  const form = Router().all("/form", (request, response) => {
    if (request.method === "POST") changes += 1;
    response.status(204).end();
  });
  const app = createHttpApp(
    { ...ports, standings: NO_STANDINGS, callers: { verify, verifyRegister: verify }, ...REGISTER_PORTS },
    { issuer: origin, mounted: [form], page: (error) => error.code, log: () => undefined, onAnswer: () => undefined },
  );
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
});
after(() => owned.disposeAsync());

const COOKIE = { cookie: `${SESSION_COOKIE}=${"A".repeat(43)}` };
// oxfmt-ignore
const CASES: [what: string, method: string, headers: () => Record<string, string>, status: number][] = [
  ["a form of our own page", "POST", () => ({ ...COOKIE, "sec-fetch-site": "same-origin", origin }), 204],
  ["an address typed by hand", "POST", () => ({ ...COOKIE, "sec-fetch-site": "none" }), 204],
  ["a form of another site", "POST", () => ({ ...COOKIE, "sec-fetch-site": "cross-site", origin: "https://elsewhere.example" }), 403],
  ["a form of another site that lies about its origin", "POST", () => ({ ...COOKIE, "sec-fetch-site": "cross-site", origin }), 403],
  ["a form of a sibling host", "POST", () => ({ ...COOKIE, "sec-fetch-site": "same-site" }), 403],
  ["a form of another site, by an old browser", "POST", () => ({ ...COOKIE, origin: "https://elsewhere.example" }), 403],
  ["a form without an origin that can be told", "POST", () => ({ ...COOKIE, origin: "null" }), 403],
  ["a link on another site", "GET", () => ({ ...COOKIE, "sec-fetch-site": "cross-site" }), 204],
  ["a program without a cookie", "POST", () => ({ origin: "https://elsewhere.example" }), 204],
];
for (const [what, method, headers, status] of CASES) {
  test(`${what}: ${status}`, async () => {
    const before = changes;
    const answer = await fetch(`${origin}/form`, { method, headers: headers() });
    assert.equal(answer.status, status);
    assert.equal(changes - before, method === "POST" && status === 204 ? 1 : 0);
  });
}
