import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPublicRegister, type PublicRegister } from "../support/public-register.ts";
import { registerPaths, type Asked } from "../support/register-paths.ts";

const PARTICIPANTS = 10_000;
/** Of them, as many have a configuration here to be resolved. */
const CONFIGURED = 100;
const owned = new AsyncDisposableStack();
let relais: PublicRegister;
let paths: Asked[];

before(async () => {
  relais = owned.use(await startPublicRegister({ count: PARTICIPANTS, configured: CONFIGURED }));
  paths = await registerPaths(relais, CONFIGURED);
});
after(() => owned.disposeAsync());

test("with 10 000 participants, everything that is read in public is answered (how fast: npm run bench -- --only register)", async () => {
  for (const { name, addressOf, warmUp = 1 } of paths)
    for (let index = 0; index < warmUp; index++) assert.equal((await fetch(addressOf(index))).status, 200, name);
});

test("lists of the federation leave out who is suspended or revoked", async () => {
  const listed = (await (await fetch(`${relais.origin}/federation/list`)).json()) as string[];
  assert.deepEqual([listed.length, listed.includes("https://p100.example"), listed.includes("https://p101.example")], [9800, false, false]);
});

test("the whole register by cursor is everybody once, in the order of the names without accents", async () => {
  const seen: { id: string; name: string }[] = [];
  for (let next: string | null = ""; next !== null;) {
    const answer = await fetch(`${relais.origin}/v1/participants?limit=200${next === "" ? "" : `&cursor=${next}`}`);
    const page = (await answer.json()) as { participants: { id: string; name: string }[]; next: string | null };
    seen.push(...page.participants);
    next = page.next;
  }
  assert.equal(new Set(seen.map(({ id }) => id)).size, PARTICIPANTS);
  const folded = seen.map(({ name }) =>
    name
      .normalize("NFKD")
      .replaceAll(/[\u0300-\u036f]/g, "")
      .toLowerCase(),
  );
  assert.deepEqual(
    folded,
    folded.toSorted((a, b) => (a < b ? -1 : Number(a > b))),
  );
});

test("the register as a table has all of them, and never all of them in memory", async () => {
  const answer = await fetch(`${relais.origin}/v1/participants.csv`);
  let lines = 0;
  let chunks = 0;
  for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
    chunks += 1;
    for (const byte of chunk) if (byte === 0x0a) lines += 1;
  }
  assert.equal(lines, PARTICIPANTS + 1);
  assert.ok(chunks > 10, `${chunks} parts`);
});

test("a page of people's choices holds a few of ten thousand", async () => {
  const page = await relais.store.read((r) => r.registered.entries({ role: "platform", standing: "accredited", limit: 21 }, new Date()));
  assert.equal(page.length, 21);
});
