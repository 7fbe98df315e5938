import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { createLogger } from "../../src/telemetry/log.ts";

const CANARY = "canary-Marie-Dupont";

function collect(pretty: boolean) {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: "debug", pretty, write: (line) => lines.push(line) }) };
}

const LEAKS: [what: string, fields: Record<string, unknown>][] = [
  ["an unlisted field", { email: CANARY }],
  ["a nested unlisted field", { user: { name: CANARY } }],
  ["a listed id that is no id", { transferId: CANARY }],
  ["a listed word that is a sentence", { reason: `because ${CANARY} said so` }],
  ["a listed number that is text", { status: CANARY }],
  ["an object in a listed field", { state: { deep: CANARY } }],
  ["the query of a URL", { url: `https://holder.example/items?who=${CANARY}` }],
  ["the user information of a URL", { url: `https://${CANARY}:secret@holder.example/` }],
  ["the fragment of a path", { url: `/items#${CANARY}` }],
  ["the message of a foreign error", { error: new Error(`duplicate key (email)=(${CANARY})`) }],
  ["the lines of a foreign message", { error: new Error(`first\n    at ${CANARY}`) }],
  ["the members of a foreign error", { error: Object.assign(new Error("no"), { body: CANARY, detail: CANARY, code: `${CANARY} code` }) }],
  ["the body in a cause", { error: new RelaisError("peer_protocol", "The holder broke the protocol.", { cause: { body: CANARY } }) }],
  ["the message of a cause", { error: new RelaisError("peer_protocol", "The holder broke the protocol.", { cause: new Error(CANARY) }) }],
  ["the details of our error", { error: new RelaisError("internal", "Something failed.", { details: { account: CANARY } }) }],
  ["something thrown that is no error", { error: CANARY }],
];

for (const pretty of [false, true]) {
  for (const [what, fields] of LEAKS) {
    test(`the ${pretty ? "human" : "JSON"} log does not show ${what}`, () => {
      const { lines, log } = collect(pretty);
      log.info("something happened", fields);
      log.with(fields).warn("something happened");
      assert.equal(lines.length, 2);
      assert.doesNotMatch(lines.join(""), new RegExp(CANARY, "i"));
    });
  }
}

test("a message loses queries of URLs and e-mail addresses", () => {
  const { lines, log } = collect(false);
  log.info(`asked https://h.example/a?who=${CANARY} for marie@dupont.example`);
  assert.match(lines.join(""), /asked https:\/\/h\.example\/a for \[masked\]/);
});

test("what is listed is written", () => {
  const { lines, log } = collect(false);
  log.info("transfer moved", { transferId: "trf_01", state: "queued", items: 3, url: "https://h.example/a?b=c", nonsense: 1 });
  const { time: _, ...line } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual(line, {
    level: "info",
    transferId: "trf_01",
    state: "queued",
    items: 3,
    url: "https://h.example/a",
    droppedFields: 1,
    msg: "transfer moved",
  });
});

test("an error of ours keeps code, message, listed details and frames", () => {
  const { lines, log } = collect(false);
  log.error("attempt ended", { error: new RelaisError("peer_unavailable", "The platform does not answer.", { details: { status: 503 } }) });
  const { error } = JSON.parse(lines[0] ?? "") as { error: { code: string; message: string; details: unknown; stack: string[] } };
  assert.equal(error.code, "peer_unavailable");
  assert.equal(error.message, "The platform does not answer.");
  assert.deepEqual(error.details, { status: 503 });
  assert.match(error.stack[0] ?? "", /telemetry\.test\.ts/);
});
