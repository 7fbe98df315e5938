import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { retryAfterSeconds } from "../../src/core/transfer/retry-after.ts";
import type { TransferState } from "../../src/core/transfer/transfer.ts";
import { backoff, settleFailure } from "../../src/core/transfer/settle-failure.ts";

const NOW = new Date("2026-11-25T13:00:00Z");

// oxfmt-ignore
const SAID: [what: string, field: string | undefined, seconds: number | null][] = [
  ["absent", undefined, null],
  ["empty", "", null],
  ["zero", "0", 0],
  ["seconds", "120", 120],
  ["seconds with spaces around", " 120 ", 120],
  ["an hour and more", "3601", 3600],
  ["absurd", "99999999999999999999999", 3600],
  ["negative", "-5", null],
  ["a fraction", "1.5", null],
  ["an exponent", "1e3", null],
  ["hexadecimal", "0x10", null],
  ["a word", "soon", null],
  ["two values", "5, 10", null],
  ["a date", "Wed, 25 Nov 2026 13:00:30 GMT", 30],
  ["a date that is past", "Wed, 25 Nov 2026 12:59:59 GMT", 0],
  ["a date of long ago", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["a date far ahead", "Fri, 25 Nov 2050 13:00:00 GMT", 3600],
  ["a date as RFC 850 had it", "Wednesday, 25-Nov-26 13:01:00 GMT", 60],
  ["a date as RFC 850 had it, of the century before", "Wednesday, 25-Nov-98 13:01:00 GMT", 0],
  ["a date as asctime has it", "Wed Nov 25 13:02:00 2026", 120],
  ["a date as asctime has it, with one digit", "Tue Dec  1 13:00:00 2026", 3600],
  ["a month that is none", "Wed, 25 Nom 2026 13:00:30 GMT", null],
  ["a date of ISO 8601", "2026-11-25T13:00:30Z", null],
  ["a year alone, which some parsers take for a date", "2027", 2027],
  ["a date of another zone", "Wed, 25 Nov 2026 14:00:30 +0100", null],
];
for (const [what, field, seconds] of SAID)
  test(`Retry-After, ${what}: ${seconds}`, () => assert.equal(retryAfterSeconds(field, NOW), seconds));

const failure = (retryAfter?: number) => new RelaisError("rate_limited", "Wait.", retryAfter === undefined ? {} : { retryAfter });
const tried = (failures: number, state: TransferState = "fetching") => ({ state, attempts: failures, failures });
const wait = (failures: number, retryAfter?: number, chance = 1) => {
  const settled = settleFailure(tried(failures), failure(retryAfter), () => chance);
  return settled.kind === "retry" ? settled.inSeconds : settled.kind;
};

test("waits double from one second to ten minutes, and chance takes up to half of each", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 10, 11, 50, 99].map((attempts) => wait(attempts)),
    [1, 2, 4, 8, 16, 512, 600, 600, 600],
  );
  assert.equal(wait(5, undefined, 0), 8);
  const drawn = new Set(Array.from({ length: 50 }, () => settleFailure(tried(5), failure())).map((settled) => JSON.stringify(settled)));
  assert.ok(drawn.size > 40, "transfers that failed together do not try again together");
  assert.ok(Array.from({ length: 200 }, () => backoff(5, Math.random())).every((seconds) => seconds >= 8 && seconds <= 16));
});

test("what the other side asks for is kept, within bounds: at most an hour, and not again and again at once", () => {
  assert.deepEqual([wait(1, 0), wait(3, 0), wait(2, 30), wait(9, 30), wait(1, 86_400)], [0, 0, 30, 256, 3600]);
  assert.equal(wait(20, 0), 600);
  assert.equal(wait(2, Number.NaN), 2, "what is no number is not kept");
  assert.equal(wait(2, -1), 2);
  assert.equal(wait(100, 0), "end");
});

test("only failures in a row are final; a full mailbox and an organisation that decides are waited for", () => {
  const full = new RelaisError("peer_unavailable", "Too much waits already.", { details: { fits: 1000 } });
  const settled = (...[story, error]: Parameters<typeof settleFailure>) => settleFailure(story, error, () => 1);
  assert.deepEqual(settled({ ...tried(1), attempts: 1000 }, failure()), { kind: "retry", inSeconds: 1 });
  assert.deepEqual(settled(tried(1000, "received"), failure()), { kind: "retry", inSeconds: 600 });
  assert.deepEqual(settled(tried(1000, "delivering"), full), { kind: "retry", inSeconds: 600 });
  assert.deepEqual(settled(tried(1000, "delivering"), failure()), { kind: "end", state: "failed" });
});
