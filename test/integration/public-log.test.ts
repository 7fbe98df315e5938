import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { RelaisError } from "../../src/core/errors.ts";
import { formatKey, type NoteSigner } from "../../src/core/ledger/note.ts";
import { signCheckpoint } from "../../src/core/ledger/sign-checkpoint.ts";
import { Frontier, hashLeaf } from "../../src/core/ledger/tree.ts";
import type { Store } from "../../src/core/ports.ts";
import { createLog } from "../../src/http/log.ts";
import { createHttpApp } from "../../src/http/server.ts";
import { openLogKey } from "../../src/keys/log-key.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "../support/database.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

const COMMAND = new URL("../../src/cli/relais.ts", import.meta.url).pathname;
const run = promisify(execFile);
const owned = new AsyncDisposableStack();
let folder: string;
let key: NoteSigner;
let log: Served;

interface Served {
  url: string;
  store: Store;
  /** A second process over the same database. */
  second: Store;
  pool: ReturnType<typeof openPool>;
}

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  owned.defer(() => new Promise<void>((done) => (server.close(() => done()), server.closeAllConnections())));
  await new Promise((done) => server.once("listening", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveLog(): Promise<Served> {
  const database = owned.use(await freshDatabase());
  const [pool, other] = [openPool(database.url, 6), openPool(database.url, 6)];
  owned.defer(() => Promise.all([pool.end(), other.end()]).then(() => undefined));
  const [store, second] = [createStore(openDatabase(pool)), createStore(openDatabase(other))];
  const verify = async () => {
    throw new RelaisError("unauthenticated", "Nobody calls here.");
  };
  const issuer = "http://127.0.0.1";
  const app = createHttpApp(
    {
      store,
      clock: realClock,
      queue: { ring: async () => undefined },
      issuer,
      policy,
      standings: NO_STANDINGS,
      callers: { verify, verifyRegister: verify },
      ...REGISTER_PORTS,
    },
    { issuer, mounted: [createLog({ store, key })], page: (error) => error.code, log: () => undefined, onAnswer: () => undefined },
  );
  return { url: await listening(app), store, second, pool };
}

const decision = (number: number) => ({
  kind: "decision" as const,
  at: new Date(1_790_000_000_000 + number),
  body: { about: "plt_test", number },
});
async function append(store: Store, numbers: number[]): Promise<number[]> {
  return store.write(async (w) => {
    const indexes = [];
    for (const number of numbers) indexes.push(await w.log.append(decision(number)));
    return indexes;
  });
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place);
const bytes = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());
const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "relais-log-"));
  owned.defer(() => rm(folder, { recursive: true }));
  key = await openLogKey(join(folder, "keys"), "relais.test/log");
  log = await serveLog();
});
after(() => owned.disposeAsync());

describe("the log in the database", () => {
  test("parallel appends by two processes, some of which roll back, leave no gap, no fork and no trace", async () => {
    const failing = (store: Store) =>
      assert.rejects(
        store.write(async (w) => {
          await w.log.append(decision(-1));
          throw new RelaisError("conflict", "The caller changed its mind.");
        }),
        { code: "conflict" },
      );
    const work = numbers(0, 60).map((number) => {
      const store = number % 2 === 0 ? log.store : log.second;
      return number % 5 === 4 ? failing(store) : append(store, [number]);
    });
    await Promise.all(work);
    const [size, entries, hashes] = await log.store.read(
      async ({ ledger }) =>
        [await ledger.size(), await ledger.entries({ from: 0, to: 100 }), await ledger.hashes(0, { from: 0, to: 100 })] as const,
    );
    assert.equal(size, 48);
    assert.equal(entries.length, 48);
    assert.ok(!entries.some((entry) => entry.includes("-1")));
    assert.equal(new Set(entries.map(String)).size, 48);
    assert.deepEqual(hashes, entries.map(hashLeaf));
    const stored = await log.pool.query("select level, count(*)::int as count from log_hashes group by level order by level");
    assert.deepEqual(
      stored.rows.map(({ count }) => count),
      [48, 24, 12, 6, 3, 1],
    );
  });

  test("checkpoints that two processes sign while others append are states of one history", async () => {
    const seen = new Map<number, string>();
    const sign = async (store: Store) => {
      const { size, note, root } = await signCheckpoint({ store, key });
      assert.equal(seen.get(size) ?? note, note);
      seen.set(size, note);
      return { size, root };
    };
    const heads = (
      await Promise.all(
        numbers(100, 130).flatMap((number) => [append(log.store, [number]).then(() => null), sign(log.store), sign(log.second)]),
      )
    ).filter((head) => head !== null);
    const entries = await log.store.read((r) => r.ledger.entries({ from: 0, to: 1000 }));
    const frontier = new Frontier();
    const roots = new Map(entries.map((entry) => (frontier.add(hashLeaf(entry)), [frontier.size, frontier.root()] as const)));
    for (const { size, root } of heads) assert.ok(root.equals(roots.get(size)!), String(size));
  });

  test("the database refuses to change or remove what is logged or signed", async () => {
    for (const statement of [
      "update log_entries set leaf = 'x'",
      "delete from log_entries",
      "truncate log_hashes",
      "delete from log_checkpoints",
      "update log_checkpoints set root = sha256('x')",
    ])
      await assert.rejects(log.pool.query(statement), { code: "RE002" }, statement);
  });

  test("an entry of more than 65 535 bytes is refused, and leaves nothing", async () => {
    const before = await log.store.read((r) => r.ledger.size());
    const large = { ...decision(1), body: { text: "x".repeat(65_536) } };
    await assert.rejects(
      log.store.write((w) => w.log.append(large)),
      { code: "too_large" },
    );
    assert.equal(await log.store.read((r) => r.ledger.size()), before);
  });

  test("what was signed and is gone, as after restoring an old copy, is not signed over", async () => {
    const other = await serveLog();
    await append(other.store, numbers(0, 5));
    await signCheckpoint({ store: other.store, key });
    await other.pool.query("alter table log_entries disable trigger all; alter table log_hashes disable trigger all");
    await other.pool.query("delete from log_entries where index >= 3; delete from log_hashes where (index + 1) * 2 ^ level > 3");
    await assert.rejects(signCheckpoint({ store: other.store, key }), { code: "unavailable", actor: "operator" });
    assert.equal((await fetch(`${other.url}/log/checkpoint`)).status, 503);
    await append(other.store, [90, 91, 92]);
    await assert.rejects(signCheckpoint({ store: other.store, key }), { code: "unavailable" });
  });
});

describe("the key", () => {
  test("is made once by several processes, is private and encrypted, and opens with its secret only", async () => {
    const dir = join(folder, "other-keys");
    const secret = "a secret of more than 32 characters, for a test";
    const opened = await Promise.all([1, 2, 3].map(() => openLogKey(dir, "x.test/log", secret)));
    assert.equal(new Set(opened.map(formatKey)).size, 1);
    assert.equal((await stat(join(dir, "web", "log.json"))).mode & 0o777, 0o600);
    assert.match(await readFile(join(dir, "web", "log.json"), "utf8"), /^relais-sealed-1\./);
    await assert.rejects(openLogKey(dir, "x.test/log", `${secret}!`), { code: "unavailable" });
  });
});

describe("the log as it is served", () => {
  before(async () => {
    const size = await log.store.read((r) => r.ledger.size());
    for (let next = 1000; next < 1000 + 600 - size; next += 100) await append(log.store, numbers(next, Math.min(next + 100, 1600 - size)));
  });

  test("tiles and bundles are those that are recomputed from the entries, and are cached for ever", async () => {
    const entries = await log.store.read((r) => r.ledger.entries({ from: 0, to: 1000 }));
    assert.equal(entries.length, 600);
    const leaves = entries.map((entry) => sha(Buffer.from([0]), entry));
    const rootOf = (hashes: Buffer[]): Buffer =>
      hashes.length === 1
        ? hashes[0]!
        : rootOf(hashes.flatMap((hash, place) => (place % 2 === 0 ? [sha(Buffer.from([1]), hash, hashes[place + 1]!)] : [])));
    const expected: [path: string, content: Buffer][] = [
      ["0/000", Buffer.concat(leaves.slice(0, 256))],
      ["0/001", Buffer.concat(leaves.slice(256, 512))],
      ["0/002.p/88", Buffer.concat(leaves.slice(512))],
      ["0/001.p/7", Buffer.concat(leaves.slice(256, 263))],
      ["1/000.p/2", Buffer.concat([rootOf(leaves.slice(0, 256)), rootOf(leaves.slice(256, 512))])],
      [
        "entries/002.p/88",
        Buffer.concat(entries.slice(512).flatMap((entry) => [Buffer.from([entry.length >> 8, entry.length & 255]), entry])),
      ],
    ];
    for (const [path, content] of expected) {
      const answer = await fetch(`${log.url}/log/tile/${path}`);
      assert.equal(answer.headers.get("content-type"), "application/octet-stream", path);
      assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content, path);
    }
    const plain = await fetch(`${log.url}/log/tile/entries/000`, { headers: { "accept-encoding": "identity" } });
    const packed = await fetch(`${log.url}/log/tile/entries/000`);
    assert.deepEqual([plain.headers.get("content-encoding"), packed.headers.get("content-encoding")], [null, "gzip"]);
    assert.deepEqual(await plain.bytes(), await packed.bytes());
    assert.deepEqual(await bytes(`${log.url}/log/entry/17`), entries[17]);
  });

  test("what is no address is 400, what the log does not reach is 404, and nobody writes", async () => {
    // oxfmt-ignore
    const cases: [path: string, status: number][] = [
      ["tile/0/002", 404], ["tile/0/002.p/89", 404], ["tile/0/003.p/1", 404], ["tile/1/000", 404], ["tile/1/000.p/3", 404], ["tile/2/000.p/1", 404],
      ["tile/63/x999/x999/999", 404], ["tile/entries/002", 404], ["entry/600", 404], ["proof/600", 404], ["entry/9007199254740991", 404],
      ["tile/0/2", 400], ["tile/0/000.p/0", 400], ["tile/0/000.p/256", 400], ["tile/64/000", 400], ["tile/0/x000/001", 400], ["tile/x", 400],
      ["tile/0/..%2f000", 400], ["entry/-1", 400], ["entry/01", 400], ["proof/1e3", 400], ["proof/99999999999999999999", 400], ["nothing", 404],
    ];
    for (const [path, status] of cases) {
      const answer = await fetch(`${log.url}/log/${path}`);
      assert.equal(answer.status, status, path);
      assert.match(answer.headers.get("content-type") ?? "", /problem\+json/);
    }
    assert.equal((await fetch(`${log.url}/log/checkpoint`, { method: "POST" })).status, 405);
    assert.equal((await fetch(`${log.url}/log/checkpoint`, { method: "HEAD" })).status, 200);
  });

  test("openssl and thirty lines that know nothing of Relais verify the checkpoint and a proof", async () => {
    const vkey = (await (await fetch(`${log.url}/log/key`)).text()).trim();
    const publicKey = Buffer.from(vkey.split("+").slice(2).join("+"), "base64").subarray(1);
    await writeFile(join(folder, "key.der"), Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]));
    const proof = await (await fetch(`${log.url}/log/proof/300`)).text();
    const [head, text, signatures] = proof.split("\n\n") as [string, string, string];
    await writeFile(join(folder, "text"), `${text}\n`);
    await writeFile(join(folder, "signature"), Buffer.from(signatures.trim().split(" ")[2]!, "base64").subarray(4));
    const words = [
      "pkeyutl",
      "-verify",
      "-pubin",
      "-keyform",
      "DER",
      "-inkey",
      join(folder, "key.der"),
      "-rawin",
      "-in",
      join(folder, "text"),
      "-sigfile",
      join(folder, "signature"),
    ];
    assert.match((await run("openssl", words)).stdout, /Verified Successfully/);
    await writeFile(join(folder, "text"), `${text}!\n`);
    await assert.rejects(run("openssl", words));

    const [, size, root] = text.split("\n");
    const [, , index, ...path] = head.split("\n");
    let [at, last, hash] = [
      Number(index!.slice("index ".length)),
      Number(size) - 1,
      sha(Buffer.from([0]), await bytes(`${log.url}/log/entry/300`)),
    ];
    for (const sibling of path.map((line) => Buffer.from(line, "base64"))) {
      if (at % 2 === 1 || at === last) {
        hash = sha(Buffer.from([1]), sibling, hash);
        for (; at % 2 === 0 && at > 0; last >>= 1) at >>= 1;
      } else hash = sha(Buffer.from([1]), hash, sibling);
      [at, last] = [at >> 1, last >> 1];
    }
    assert.deepEqual([last, hash.toString("base64")], [0, root]);
  });
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function relais(...words: string[]): Promise<Outcome> {
  return run(process.execPath, [COMMAND, ...words], { cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, out: error.stdout, err: error.stderr }),
  );
}
const faultOf = async (...words: string[]) => {
  const { code, out } = await relais("log", "verify", ...words, "--json");
  return [code, (JSON.parse(out) as { fault?: string }).fault];
};

/** The same log through somebody who changes some answers. */
const through = (change: (path: string, body: Buffer) => Buffer | null): Promise<string> =>
  listening((req, res) => {
    void answerThrough(change, req.url ?? "").then(({ status, body }) => res.writeHead(status).end(body));
  });

async function answerThrough(change: Parameters<typeof through>[0], path: string): Promise<{ status: number; body: Buffer | string }> {
  const answer = await fetch(`${log.url}${path}`);
  const body = change(path, Buffer.from(await answer.arrayBuffer()));
  return body === null ? { status: 404, body: "" } : { status: answer.status, body };
}

describe("relais log verify", () => {
  let state: string;
  before(async () => {
    state = join(folder, "state.json");
    assert.equal((await relais("log", "verify", log.url, "--state", state)).code, 0);
  });

  test("a log that holds is remembered, and continues after it grew", async () => {
    await append(log.store, [5000]);
    const { code, out } = await relais("log", "verify", `${log.url}/log/checkpoint`, "--state", state, "--json");
    const result = JSON.parse(out) as { ok: boolean; size: number; keyIsFromTheLog: boolean };
    assert.deepEqual([code, result.ok, result.size, result.keyIsFromTheLog], [0, true, 601, false]);
    assert.match(JSON.parse(await readFile(state, "utf8")).checkpoint, /^relais\.test\/log\n601\n/);
    const first = await relais("log", "verify", log.url);
    assert.match(first.out, /verified {3}relais\.test\/log\n.*601 entries[\s\S]*compare it with one that you got elsewhere/);
  });

  test("forged entries, hashes and signatures, and a log that is cut short", async () => {
    const altered = (body: Buffer) => Buffer.from(body.toString("latin1").replace("plt_test", "plt_Test"), "latin1");
    const entries = await through((path, body) => (path.includes("entries/001") ? altered(body) : body));
    const hashes = await through((path, body) => (path.includes("tile/1/") ? Buffer.alloc(body.length) : body));
    const size = await through((path, body) =>
      path.endsWith("checkpoint") ? Buffer.from(body.toString().replace("\n601\n", "\n600\n")) : body,
    );
    const cut = await through((path, body) => (path.includes("entries/002") ? null : body));
    const short = await through((path, body) => (path.includes("tile/0/002") ? body.subarray(32) : body));
    const kept = await readFile(state, "utf8");
    assert.deepEqual(await faultOf(entries, "--state", state), [3, "forged"]);
    assert.match((await relais("log", "verify", entries)).out, /NOT VALID {2}forged\n.*differs from its tile is entry 256/);
    assert.deepEqual(await faultOf(hashes), [3, "forged"]);
    assert.deepEqual(await faultOf(size), [3, "not_signed"]);
    assert.deepEqual(await faultOf(cut), [3, "truncated"]);
    assert.deepEqual(await faultOf(short), [3, "truncated"]);
    assert.equal(await readFile(state, "utf8"), kept, "what does not hold is not remembered");
  });

  test("a log that its own operator rewrote: shrunk, forked, or signed with another key", async () => {
    const [shrunk, forked] = [await serveLog(), await serveLog()];
    for (const entry of await log.store.read((r) => r.ledger.entries({ from: 0, to: 20 }))) {
      const { kind, at, ...body } = JSON.parse(entry.toString());
      await shrunk.store.write((w) => w.log.append({ kind, at: new Date(at), body }));
    }
    for (let next = 0; next < 700; next += 100) await append(forked.store, numbers(next, next + 100));
    assert.deepEqual(await faultOf(shrunk.url, "--state", state), [3, "shrunk"]);
    assert.deepEqual(await faultOf(forked.url, "--state", state), [3, "forked"]);
    assert.deepEqual(await faultOf(forked.url), [0, undefined]);
    const stranger = await openLogKey(join(folder, "stranger"), "relais.test/log");
    assert.deepEqual(await faultOf(log.url, "--key", formatKey(stranger)), [3, "not_signed"]);
    assert.equal((await relais("log", "verify", log.url, "--state", state, "--key", formatKey(stranger))).code, 2);
  });

  test("a proof file is checked offline, against the log, and by relais verify with the entry beside it", async () => {
    const proof = await (await fetch(`${log.url}/log/proof/42`)).text();
    const file = join(folder, "decision.json.tlog-proof");
    await writeFile(file, proof);
    await writeFile(join(folder, "log.key"), `${formatKey(key)}\n`);
    const offline = await relais("log", "verify", "--proof", file, "--state", state, "--json");
    assert.deepEqual([offline.code, JSON.parse(offline.out).index, JSON.parse(offline.out).entry.kind], [0, 42, "decision"]);
    assert.match((await relais("log", "verify", log.url, "--proof", file)).out, /entry 42, of the proof, is one of them/);
    await writeFile(join(folder, "decision.json"), await bytes(`${log.url}/log/entry/42`));
    assert.match(
      (await relais("verify", join(folder, "decision.json"))).out,
      /^verified .*\n +entry 42 of the public log relais\.test\/log/,
    );
    await writeFile(join(folder, "decision.json"), await bytes(`${log.url}/log/entry/43`));
    assert.equal((await relais("verify", join(folder, "decision.json"))).code, 3);
    assert.deepEqual(await faultOf("--proof", file, "--key", formatKey(key)), [3, "forged"]);
    const other = await serveLog();
    for (let next = 0; next < 700; next += 100) await append(other.store, numbers(next, next + 100));
    await rm(join(folder, "decision.json"));
    assert.deepEqual(await faultOf(other.url, "--proof", file), [3, "forked"]);
  });

  test("an empty log holds; wrong use is 2, and a log that cannot be asked is neither", async () => {
    const empty = await serveLog();
    assert.deepEqual(await faultOf(empty.url), [0, undefined]);
    assert.equal((await relais("log", "verify", "not an address")).code, 2);
    assert.equal((await relais("log", "verify")).code, 2);
    assert.equal((await relais("log", "turn")).code, 2);
    assert.equal((await relais("log", "verify", await listening((_req, res) => void res.writeHead(500).end()))).code, 1);
    await writeFile(join(folder, "broken.json"), "{}");
    assert.equal((await relais("log", "verify", log.url, "--state", join(folder, "broken.json"))).code, 2);
  });

  test("show prints the newest entries, or one with its proof checked", async () => {
    const newest = JSON.parse((await relais("log", "show", "--at", log.url, "--json")).out) as {
      size: number;
      entries: { index: number }[];
    };
    assert.deepEqual([newest.size, newest.entries.length, newest.entries.at(-1)?.index], [601, 20, 600]);
    assert.match(
      (await relais("log", "show", "7", "--at", log.url)).out,
      /^verified {3}entry 7 of relais\.test\/log\n[\s\S]*"kind": "decision"/,
    );
    const liar = await through((path, body) =>
      path.includes("proof/7") ? Buffer.from(body.toString().replace("index 7", "index 8")) : body,
    );
    assert.equal((await relais("log", "show", "7", "--at", liar)).code, 3);
    assert.equal((await relais("log", "show", "601", "--at", log.url)).code, 2);
  });
});
