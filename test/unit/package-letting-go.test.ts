import assert from "node:assert/strict";
import { test } from "node:test";
import { headerOf, readFrame } from "../../src/core/mailbox/package-format.ts";
import { passOn } from "../../src/core/mailbox/pass-on.ts";
import { openPackage, PackageError } from "../../src/sdk/packages.ts";

/** Where a package is refused, whoever sends it is told that nobody reads on: else each mislabelled item would hold a connection. */
const KEY = { kty: "EC", crv: "P-256", x: "x", y: "y", use: "enc", kid: "ours" };

function jweFor(kid: string): string {
  const header = Buffer.from(JSON.stringify({ kid, alg: "ECDH-ES+A256KW", enc: "A256GCM" })).toString("base64url");
  return `${header}.a.a.a.a`;
}

/** Much more than anybody reads before it is judged. */
function sourceOf(first: Uint8Array): { bytes: AsyncGenerator<Uint8Array>; isLetGo: () => boolean } {
  let isOpen = true;
  const bytes = (async function* () {
    try {
      yield first;
      for (let n = 0; n < 1000; n++) yield Buffer.alloc(1024);
    } finally {
      isOpen = false;
    }
  })();
  return { bytes, isLetGo: () => !isOpen };
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

const theirs = headerOf(jweFor("theirs"));
const refused: [string, Uint8Array][] = [
  ["no package", Buffer.from("in the clear, and long enough")],
  ["another version", Buffer.concat([Buffer.from("SDPK\u0002", "latin1"), Buffer.alloc(16)])],
  ["no header", headerOf("no.jwe")],
  ["sealed to another's key", theirs],
];

test("a stream that is no package is let go where its header is read", async () => {
  for (const [what, first] of refused.slice(0, 3)) {
    const { bytes, isLetGo } = sourceOf(first);
    await assert.rejects(readFrame(bytes), { code: "peer_protocol" }, what);
    assert.ok(isLetGo(), what);
  }
});

test("what is not passed on, or not opened, is let go", async () => {
  for (const [what, first] of refused) {
    const [passed, opened] = [sourceOf(first), sourceOf(first)];
    await assert.rejects(drain(passOn(passed.bytes, { keys: [KEY] as never })), { code: "unsupported" }, what);
    assert.ok(passed.isLetGo(), `passed on: ${what}`);
    const expected = { aud: "a", consent: "c", dataset: "d", key: "k", transfer: "t" };
    await assert.rejects(openPackage(opened.bytes, { keys: [KEY], keysOf: async () => [], expected }), PackageError, what);
    assert.ok(opened.isLetGo(), `opened: ${what}`);
  }
});

test("what is for the platform passes whole", async () => {
  const { bytes, isLetGo } = sourceOf(headerOf(jweFor("ours")));
  let length = 0;
  for await (const piece of passOn(bytes, { keys: [KEY] as never })) length += piece.length;
  assert.equal(length, headerOf(jweFor("ours")).length + 1000 * 1024);
  assert.ok(isLetGo());
});
