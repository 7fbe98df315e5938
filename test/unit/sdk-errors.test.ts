import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CONSENT_ERRORS, ConsentError, type ConsentErrorReason } from "../../src/sdk/require-consent.ts";

test("docs/sdk.md lists every reason as the program answers it", async () => {
  const page = await readFile(new URL("../../docs/sdk.md", import.meta.url), "utf8");
  const written = page.split("\n").filter((line) => /^\| `\w+` \| \d{3} /.test(line));
  const expected = (Object.keys(CONSENT_ERRORS) as ConsentErrorReason[]).map((reason) => {
    const { status, code, challenge, actor } = new ConsentError(reason);
    const field = challenge === null ? "–" : `\`${challenge.replace(/,? algs="[^"]*"$/, "")}\``;
    return `| \`${reason}\` | ${status} | \`${code}\` | ${field} | ${actor} |`;
  });
  assert.deepEqual(written, expected);
});

test("an answer of any kind is a problem document that may not be kept, and names nobody", async () => {
  for (const reason of Object.keys(CONSENT_ERRORS) as ConsentErrorReason[]) {
    const response = new ConsentError(reason).toResponse();
    const body = (await response.json()) as { reason: string; title: string; status: number };
    assert.deepEqual([body.reason, body.status, response.status], [reason, response.status, CONSENT_ERRORS[reason].status]);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("retry-after") !== null, response.status === 503, reason);
  }
});
