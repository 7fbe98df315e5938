import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { startJourney, type Issued, type Journey } from "../support/authorization-journey.ts";
import { clock } from "../support/authorization-server.ts";

/** Requests that are under way at any moment, half at each of two instances over one database. */
const AT_ONCE = 40;
let journey: Journey;

before(async () => {
  journey = await startJourney();
});
after(() => journey[Symbol.asyncDispose]());

interface Answer {
  what: string;
  begunAt: number;
  endedAt: number;
  isGiven: boolean;
}

/** What a participant may do with what it was given: look whether its token holds, and get a new one. */
const ASKED: ((issued: Issued, at: string) => Promise<{ what: string; isGiven: boolean }>)[] = [
  async ({ value }, at) => ({
    what: "introspection",
    isGiven: (await journey.client.post("/token/introspection", { token: value }, { at, proof: null })).body["active"] === true,
  }),
  async ({ refresh }, at) => ({
    what: "refresh",
    isGiven: (await journey.client.post("/token", { grant_type: "refresh_token", refresh_token: refresh }, { at })).status === 200,
  }),
];

test(`withdrawn with ${AT_ONCE} requests under way: whatever begins afterwards gets nothing, and everything under way is over soon after`, async () => {
  const issued = await journey.token("loaded");
  const answers: Answer[] = [];
  let isOver = false;
  const lanes = Array.from({ length: AT_ONCE }, async (_, lane) => {
    const at = lane % 4 < 2 ? journey.setup.issuer : journey.setup.second;
    while (!isOver) {
      const begunAt = performance.now();
      const answer = await (ASKED[lane % 2] as (typeof ASKED)[number])(issued, at);
      answers.push({ ...answer, begunAt, endedAt: performance.now() });
    }
  });
  while (!["introspection", "refresh"].every((what) => answers.some((one) => one.what === what && one.isGiven))) await sleep(20);
  await withdrawConsent({ store: journey.setup.store, clock }, { consentId: issued.consent.id, personId: issued.consent.personId });
  const withdrawnAt = performance.now();
  const seen = answers.length;
  while (answers.length < seen + 3 * AT_ONCE) await sleep(20);
  isOver = true;
  await Promise.all(lanes);
  const late = answers.filter(({ begunAt }) => begunAt > withdrawnAt);
  for (const what of ["introspection", "refresh"])
    assert.ok(
      late.some((one) => one.what === what),
      `no ${what} began afterwards`,
    );
  assert.deepEqual(
    late.filter(({ isGiven }) => isGiven),
    [],
  );
  const last = Math.max(withdrawnAt, ...answers.filter(({ isGiven }) => isGiven).map(({ endedAt }) => endedAt));
  assert.ok(last - withdrawnAt < 5000, `the last yes came ${(last - withdrawnAt).toFixed(0)} ms after the withdrawal`);
});
