import assert from "node:assert/strict";
import { test } from "node:test";
import { begunRequests, type Begun } from "../../src/sandbox/platform/bring/begun.ts";
import { deliveriesInMemory } from "../../src/sandbox/platform/bring/deliveries.ts";
import { refusalPage } from "../../src/sandbox/platform/bring/delivery-page.ts";
import { answerOf } from "../../src/sdk-client/refusals.ts";
import { ERRORS, RelaisError, type ErrorCode } from "../../src/core/errors.ts";

const never = async () => {
  throw new Error("not called");
};
const begun = (state: string): Begun => ({
  pending: { state, redeem: never },
  account: "a",
  browser: "b",
  holder: "H",
});
const OWN = { account: "a", browser: "b" };

test("an answer belongs to the browser and the account that began, and is taken once", () => {
  const requests = begunRequests();
  requests.keep(begun("s"));
  const refused = { code: "unauthenticated" };
  const wrong: [name: string, state: unknown, visitor: typeof OWN][] = [
    ["another browser", "s", { ...OWN, browser: "c" }],
    ["no browser", "s", { ...OWN, browser: "" }],
    ["another account", "s", { ...OWN, account: "z" }],
    ["another state", "t", OWN],
    ["no state", undefined, OWN],
    ["two states", ["s", "s"], OWN],
  ];
  for (const [name, state, visitor] of wrong) assert.throws(() => requests.take(state, visitor), refused, name);
  assert.equal(requests.take("s", OWN).holder, "H", "a wrong visitor does not use it up");
  assert.throws(() => requests.take("s", OWN), refused, "used");
});

test("after ten minutes a request is over", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 0 });
  const requests = begunRequests();
  requests.keep(begun("s"));
  requests.keep(begun("u"));
  t.mock.timers.setTime(599_999);
  assert.ok(requests.take("s", OWN));
  t.mock.timers.setTime(600_000);
  assert.throws(() => requests.take("u", OWN), { code: "unauthenticated" });
});

test("a delivery is its person's alone, and the newest comes first", () => {
  const deliveries = deliveriesInMemory();
  const grant = { requestTransfer: never, readTransfer: never };
  const [first, second] = [1, 2].map(() => deliveries.add({ account: "a", holder: "H", grant }));
  assert.throws(() => deliveries.get(String(first?.id), "b"), { code: "not_found" });
  assert.deepEqual(deliveries.of("a"), [second, first]);
  assert.deepEqual(deliveries.of("b"), []);
});

test("every failure is told in both languages, and what Relais says is quoted safely", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    for (const language of ["fr", "en"] as const) {
      const page = refusalPage(language, new RelaisError(code, "<b>no</b>"));
      assert.match(page, /<h1>[^<]{10,}<\/h1><p[^>]*>[^<]{20,}<\/p>/, code);
      assert.doesNotMatch(page, /<b>/);
    }
  }
});

test("problem documents keep their code and who can mend it; anything else is the operator's", async () => {
  const reply = (status: number, body: string) => answerOf(new Response(body, { status }));
  await assert.rejects(reply(409, '{"code":"conflict","detail":"Not now.","actor":"holder"}'), {
    code: "conflict",
    message: "Not now.",
    actor: "holder",
  });
  await assert.rejects(reply(403, '{"code":"toString"}'), { code: "peer_protocol" });
  await assert.rejects(reply(502, "<html>"), { code: "peer_unavailable", actor: "operator" });
  assert.deepEqual(await reply(200, '{"id":1}'), { id: 1 });
});
