import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PLAIN } from "../support/charter.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";

let api: RegisterApi;

before(async () => {
  api = await startRegisterApi(PLAIN);
});
after(() => api[Symbol.asyncDispose]());

test("whoever joins says where the entity is, and nothing else: what its organisation is called is not theirs to say", async () => {
  const refused = await fetch(`${api.origin}/v1/participants`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ entity_id: "https://platform.example", organisation: { name: "Ministère", country: "FR" } }),
  });
  const { code, detail } = (await refused.json()) as { code: string; detail: string };
  assert.deepEqual([refused.status, code], [400, "invalid"]);
  assert.match(detail, /organisation/);
});

test("whoever lets us reach out again and again has to wait, also where nothing is ever found", async () => {
  const join = () =>
    fetch(`${api.origin}/v1/participants`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ entity_id: "http://127.0.0.1:1" }),
    });
  const statuses = new Set<number>();
  for (let number = 0; number < 60; number++) statuses.add((await join()).status);
  assert.ok(!statuses.has(429) && !statuses.has(201), [...statuses].join());
  const refused = await join();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "60");
  assert.equal(((await refused.json()) as { code: string }).code, "rate_limited");
});
