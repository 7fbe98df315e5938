import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { compactVerify, createLocalJWKSet, decodeJwt, type JSONWebKeySet } from "jose";
import { pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import type { TransferId } from "../../src/core/ids.ts";
import type { Manifest, Receipt } from "../../src/core/transfer/manifest.ts";
import { contentDigest, MANIFEST_TYPE, sha256 } from "../../src/core/transfer/manifest.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import { type Platform, startPlatform } from "../../src/sandbox/platform/platform.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

const SEED = "ancre";
const SOURCE = "https://source.example";
const [ACCOUNT = "", OTHER = ""] = pseudonymousAccounts(SEED, "ancre").map(({ id }) => id);
let relais: TinyRelais;
let ancre: Platform;
let folder: string;

before(async () => {
  relais = await startTinyRelais();
  folder = await mkdtemp(join(tmpdir(), "ancre-"));
  ancre = await startPlatform({ dataDir: folder, seed: SEED, relais: relais.issuer, host: "127.0.0.1", port: 0, capacity: 1_000_000 });
});
after(async () => {
  await ancre[Symbol.asyncDispose]();
  await relais[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Opened {
  transfer: string;
  location: string;
  dataset: string;
}

function announcement(changed: object = {}) {
  const transfer = `trf_${randomBytes(11).toString("hex")}`;
  const dataset = `test.d${randomBytes(6).toString("hex")}`;
  return {
    transfer,
    consent: "cst_1",
    source: SOURCE,
    destination: ancre.entityId,
    subject: ACCOUNT,
    datasets: [{ dataset, items: null, bytes: null as number | null }],
    expires: "2030-01-01T00:00:00Z",
    ...changed,
  };
}

function announce(body: ReturnType<typeof announcement>): Promise<Response> {
  return relais.send({
    method: "POST",
    url: `${ancre.entityId}/inbox/transfers`,
    headers: { "content-type": "application/json", "idempotency-key": `"${body.transfer}"` },
    body: JSON.stringify(body),
  });
}

async function opened(changed: object = {}): Promise<Opened> {
  const body = announcement(changed);
  const answer = await announce(body);
  assert.equal(answer.status, 201, await answer.clone().text());
  return { transfer: body.transfer, location: String(answer.headers.get("location")), dataset: body.datasets[0]?.dataset as string };
}

function put(
  at: Opened,
  key: string,
  body: string | Uint8Array,
  changed: { headers?: Record<string, string>; changed?: Record<string, string | null>; dataset?: string; sent?: string | Uint8Array } = {},
): Promise<Response> {
  const dataset = changed.dataset ?? at.dataset;
  const headers = {
    "content-type": "text/plain",
    "content-digest": contentDigest(sha256(body)),
    "idempotency-key": `"${at.transfer}/${sha256(`${dataset}/${key}`)}"`,
    ...changed.headers,
  };
  return relais.send({
    method: "PUT",
    url: `${at.location}/items/${dataset}/${encodeURIComponent(key)}`,
    headers,
    body: changed.sent ?? body,
    ...(changed.changed ? { changed: changed.changed } : {}),
  });
}

async function held(at: Opened): Promise<{ key: string; digest: string }[]> {
  const items: { key: string; digest: string }[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = (await (
      await relais.send({ method: "GET", url: at.location + (cursor && `?cursor=${encodeURIComponent(cursor)}`) })
    ).json()) as { items: typeof items; next: string | null };
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

function manifestOf(at: Opened, changed: Partial<Manifest> = {}): string {
  return relais.manifest({
    iss: relais.issuer,
    iat: 1,
    transfer: at.transfer as TransferId,
    consent: "cst_1",
    source: SOURCE,
    destination: ancre.entityId,
    subject: ACCOUNT,
    items: [],
    omissions: [],
    ...changed,
  });
}

function complete(at: Opened, jws: string): Promise<Response> {
  return relais.send({
    method: "POST",
    url: `${at.location}/complete`,
    headers: { "content-type": `application/${MANIFEST_TYPE}`, "idempotency-key": `"${at.transfer}/complete"` },
    body: jws,
  });
}

async function code(answer: Response): Promise<[number, unknown]> {
  return [answer.status, ((await answer.json()) as { code?: unknown }).code];
}

async function filesOf(name: string): Promise<string[]> {
  const names = await readdir(join(folder, "ancre", name), { recursive: true });
  const kinds = await Promise.all(names.map(async (file) => (await stat(join(folder, "ancre", name, file))).isFile()));
  return names.filter((_, index) => kinds[index]);
}

test("an item arrives, is listed, and the receipt says what is stored", async () => {
  const at = await opened();
  assert.equal((await put(at, "a/é.txt", "one")).status, 201);
  assert.equal((await put(at, "a/é.txt", "one")).status, 204);
  assert.equal((await put(at, "b", "")).status, 201, "an empty item is an item");
  assert.deepEqual(
    (await held(at)).map(({ key, digest }) => [key, digest]),
    [
      ["a/é.txt", contentDigest(sha256("one"))],
      ["b", contentDigest(sha256(""))],
    ],
  );
  const jws = manifestOf(at);
  const answer = await complete(at, jws);
  assert.equal(answer.headers.get("content-type")?.split(";")[0], "application/self-data-receipt+jwt");
  const receipt = await answer.text();
  const statement = decodeJwt(await (await fetch(`${ancre.entityId}/.well-known/openid-federation`)).text()) as {
    metadata: { oauth_client: { jwks: JSONWebKeySet } };
  };
  const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(statement.metadata.oauth_client.jwks));
  const said = JSON.parse(new TextDecoder().decode(payload)) as Receipt;
  assert.equal(protectedHeader.typ, "self-data-receipt+jwt");
  assert.deepEqual([said.iss, said.manifest, said.observed], [ancre.entityId, sha256(jws), false]);
  assert.deepEqual(
    said.items.map((item) => [item.key, item.bytes, item["sha-256"]]),
    [
      ["a/é.txt", 3, sha256("one")],
      ["b", 0, sha256("")],
    ],
  );
  assert.equal(await (await complete(at, jws)).text(), receipt, "the same manifest again gives the same receipt");
  assert.deepEqual(await code(await complete(at, manifestOf(at, { iat: 2 }))), [409, "conflict"]);
  assert.deepEqual(await code(await put(at, "c", "late")), [409, "conflict"]);
});

test("a byte changed on the disk shows in the receipt", async () => {
  const at = await opened();
  const body = randomUUID();
  await put(at, "a", body);
  const files = await filesOf("items");
  const contents = await Promise.all(files.map((file) => readFile(join(folder, "ancre/items", file), "utf8")));
  const file = files[contents.indexOf(body)] as string;
  await writeFile(join(folder, "ancre/items", file), `${body.slice(0, -1)}!`);
  const receipt = decodeJwt(await (await complete(at, manifestOf(at))).text()) as unknown as Receipt;
  assert.equal(receipt.items[0]?.["sha-256"], sha256(`${body.slice(0, -1)}!`));
});

test("a body that is not the one of its digest is refused, and nothing of it stays", async () => {
  const at = await opened();
  const before = (await filesOf("items")).length;
  assert.deepEqual(await code(await put(at, "a", "true", { sent: "fals" })), [412, "digest_mismatch"]);
  assert.deepEqual(await held(at), []);
  assert.equal((await filesOf("items")).length, before);
  assert.deepEqual(await filesOf("drafts"), []);
  const lie = announcement();
  const answer = await relais.send({
    method: "POST",
    url: `${ancre.entityId}/inbox/transfers`,
    headers: {
      "content-type": "application/json",
      "idempotency-key": `"${lie.transfer}"`,
      "content-digest": contentDigest(sha256("other")),
    },
    body: JSON.stringify(lie),
  });
  assert.deepEqual(await code(answer), [412, "digest_mismatch"]);
});

test("only requests signed by Relais pass, each once", async () => {
  const at = await opened();
  const unsigned = { "signature-input": null, signature: null };
  assert.deepEqual(await code(await put(at, "a", "x", { changed: unsigned })), [401, "unauthenticated"]);
  assert.deepEqual(await code(await put(at, "a", "x", { changed: { "content-type": "text/html" } })), [401, "unauthenticated"]);
  assert.deepEqual(await code(await put(at, "a", "x", { changed: { "content-digest": contentDigest(sha256("y")) } })), [
    401,
    "unauthenticated",
  ]);
  assert.deepEqual(await code(await put(at, "a", "x", { changed: { "idempotency-key": '"other"' } })), [401, "unauthenticated"]);
  await using stranger = await startTinyRelais();
  const url = at.location;
  assert.deepEqual(await code(await stranger.send({ method: "GET", url })), [401, "unauthenticated"]);
  assert.equal((await relais.send({ method: "GET", url })).status, 200);
  assert.deepEqual(await code(await fetch(url, relais.last)), [401, "unauthenticated"], "a replay");
  assert.deepEqual(await held(at), []);
});

/** A client resolves `.` before it sends, so that the signature no longer fits: 401. */
const HOSTILE = [
  "../../etc/passwd",
  "a/../b",
  "",
  ".",
  "a//b",
  "a\u0000b",
  "a\\b",
  "\u202egpj.exe",
  "e\u0301",
  "x".repeat(201),
  "a ",
  "/abs",
];

test("names that could reach elsewhere or deceive are refused", async () => {
  const at = await opened();
  for (const key of HOSTILE) {
    const answer = await put(at, key, "x");
    assert.ok([400, 401, 404].includes(answer.status), `${JSON.stringify(key)}: ${answer.status}`);
  }
  assert.equal((await put(at, "a", "x", { dataset: "test.unannounced" })).status, 400);
  assert.deepEqual(await held(at), []);
});

test("an announcement is known once, has an account and room", async () => {
  const body = announcement();
  const first = await announce(body);
  const again = await announce(body);
  assert.deepEqual([first.status, again.status, again.headers.get("location")], [201, 409, first.headers.get("location")]);
  assert.deepEqual(await code(await announce(announcement({ subject: "nobody" }))), [404, "not_found"]);
  const large = await announce(announcement({ datasets: [{ dataset: "test.large", items: 1, bytes: 2_000_000 }] }));
  const said = (await large.json()) as { code: string; fits: { bytes: number } };
  assert.deepEqual([large.status, said.code], [413, "too_large"]);
  assert.ok(said.fits.bytes > 0 && said.fits.bytes <= 1_000_000);
});

test("more than was announced, or than there is room for, is refused", async () => {
  const dataset = `test.d${randomBytes(6).toString("hex")}`;
  const at = await opened({ datasets: [{ dataset, items: 1, bytes: 4 }] });
  assert.equal((await put(at, "a", "four")).status, 201);
  assert.deepEqual(await code(await put(at, "b", "x")), [413, "too_large"]);
  const unknown = await opened();
  assert.deepEqual(await code(await put(unknown, "a", Buffer.alloc(1_000_001))), [413, "too_large"]);
  assert.deepEqual(await held(unknown), []);
});

test("a second source for a data set of one account is refused; another account may have it", async () => {
  const at = await opened();
  await put(at, "a", "x");
  const datasets = [{ dataset: at.dataset, items: null, bytes: null }];
  assert.deepEqual(await code(await announce(announcement({ source: "https://second.example", datasets }))), [409, "conflict"]);
  assert.equal((await announce(announcement({ source: "https://second.example", datasets, subject: OTHER }))).status, 201);
});

test("after a stop nothing more is taken, and what came stays", async () => {
  const at = await opened();
  await put(at, "a", "x");
  assert.equal((await relais.send({ method: "DELETE", url: at.location })).status, 204);
  assert.equal((await relais.send({ method: "DELETE", url: at.location })).status, 204);
  assert.deepEqual(await code(await put(at, "b", "x")), [409, "conflict"]);
  assert.equal((await held(at)).length, 1);
});

test("a new value under the same key replaces the old one, and its bytes go", async () => {
  const at = await opened();
  await put(at, "a", "old value");
  const count = (await filesOf("items")).length;
  const next = await opened({ datasets: [{ dataset: at.dataset, items: null, bytes: null }] });
  assert.equal((await put(next, "a", "new value")).status, 201);
  assert.equal((await filesOf("items")).length, count);
  assert.deepEqual(
    (await held(next)).map(({ digest }) => digest),
    [contentDigest(sha256("new value"))],
  );
});

test("Ancre gives back what it holds, and erases only what the consent names", async () => {
  const [kept, gone] = [await opened(), await opened()];
  for (const at of [kept, gone]) for (const key of ["1", "2", "3"]) await put(at, key, `${at.dataset} ${key}`);
  const proofs = await newProofKey();
  const standing = { aud: ancre.entityId, jkt: proofs.jkt, account: ACCOUNT, datasets: [gone.dataset] };
  const ask = async (method: string, path: string, token: string): Promise<Response> => {
    const url = `${ancre.entityId}/export${path}`;
    return fetch(url, {
      method,
      headers: { authorization: `DPoP ${token}`, dpop: await proofs.proof({ method, url, accessToken: token }) },
    });
  };
  const copy = relais.token(standing);
  assert.deepEqual(await (await ask("GET", "/datasets", copy)).json(), {
    datasets: [{ dataset: gone.dataset, items: 3, bytes: 3 * (gone.dataset.length + 2) }],
  });
  const page = (await (await ask("GET", `/datasets/${gone.dataset}?limit=2`, copy)).json()) as { items: { key: string }[]; next: string };
  assert.deepEqual(
    page.items.map(({ key }) => key),
    ["1", "2"],
  );
  const rest = (await (await ask("GET", `/datasets/${gone.dataset}?limit=2&cursor=${page.next}`, copy)).json()) as {
    items: { key: string }[];
    next: null;
  };
  assert.deepEqual([rest.items.map(({ key }) => key), rest.next], [["3"], null]);
  assert.equal(await (await ask("GET", `/datasets/${gone.dataset}/items/2`, copy)).text(), `${gone.dataset} 2`);
  assert.deepEqual(await code(await ask("GET", `/datasets/${kept.dataset}`, copy)), [403, "consent_missing"]);
  assert.deepEqual(await code(await ask("DELETE", "/account-data", copy)), [403, "consent_missing"], "a copy is no leave to erase");
  const erase = relais.token({ ...standing, actions: ["erase"] });
  assert.equal((await ask("DELETE", "/account-data", erase)).status, 204);
  assert.equal((await ask("DELETE", "/account-data", erase)).status, 204, "also when nothing is left");
  assert.deepEqual(await (await ask("GET", "/datasets", copy)).json(), { datasets: [] });
  const both = relais.token({ ...standing, datasets: [kept.dataset, gone.dataset] });
  assert.equal(((await (await ask("GET", "/datasets", both)).json()) as { datasets: unknown[] }).datasets.length, 1);
});

test("small JSON travels within the page where its canonical form are the stored bytes, and only there", async () => {
  const at = await opened();
  const json = { headers: { "content-type": "application/json" } };
  const bodies = { canonical: '{"a":1,"b":[true,null]}', loose: '{ "b": 1, "a": 2 }', broken: "{", long: JSON.stringify("x".repeat(5000)) };
  for (const [key, body] of Object.entries(bodies)) assert.equal((await put(at, key, body, json)).status, 201);
  await put(at, "text", '{"a":1}');
  const proofs = await newProofKey();
  const token = relais.token({ aud: ancre.entityId, jkt: proofs.jkt, account: ACCOUNT, datasets: [at.dataset] });
  const url = `${ancre.entityId}/export/datasets/${at.dataset}`;
  const answer = await fetch(url, {
    headers: { authorization: `DPoP ${token}`, dpop: await proofs.proof({ method: "GET", url, accessToken: token }) },
  });
  const { items } = (await answer.json()) as { items: { key: string; content?: unknown }[] };
  assert.deepEqual(
    items.filter((item) => "content" in item).map(({ key, content }) => [key, content]),
    [["canonical", { a: 1, b: [true, null] }]],
  );
  assert.equal(items.length, 5);
});

test("the ledger tells every request and every stored item, without contents", async () => {
  const at = await opened();
  const body = randomUUID();
  await put(at, "a", body);
  await put(at, "b", "x", { changed: { signature: null } });
  const text = await readFile(ancre.ledgerFile, "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ours = lines.filter((line) => line["transfer"] === at.transfer || String(line["path"]).includes(at.transfer));
  assert.deepEqual(
    ours.map((line) => [line["event"], line["status"] ?? line["digest"]]),
    [
      ["stored", sha256(body)],
      ["request", 201],
      ["request", 401],
    ],
  );
  assert.ok(!text.includes(body));
});
