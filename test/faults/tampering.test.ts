import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Pool } from "undici";
import { webdav } from "../../adapters/webdav/index.ts";
import { verify } from "../../src/cli/verify.ts";
import type { Adapter } from "../../src/core/transfer/adapter.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { networkFor } from "../../src/net/network.ts";
import { startEngine } from "../support/engine.ts";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { startNode } from "../support/processes.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";

const COMMAND = new URL("../../src/cli/relais.ts", import.meta.url).pathname;
const ITEMS = 1200;
let world: FaultWorld;
let folder: string;

before(async () => {
  world = await startFaultWorld({
    customers: { honest: { [DAILY]: { numbered: 20 } }, changed: { [DAILY]: { numbered: ITEMS } } },
    accounts: ["honest-space", "changed-space"],
  });
  await world.start("web,worker,sweeper");
  folder = await mkdtemp(join(tmpdir(), "relais-tampering-"));
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function flipByte(file: string, at = 3): Promise<void> {
  const bytes = await readFile(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

test("one byte of a stored file changed at Ancre before it signs: the item is named `changed`, and nothing is called verified", async () => {
  const person = await world.person({ sourceAccount: "changed", destinationAccount: "changed-space" });
  const { id } = await person.transfer(await person.consent([DAILY]));
  const victim = await until("a stored item", () => world.witness.items("changed-space")[0]);
  await flipByte(world.witness.path(victim));
  const { state } = await world.ended(id);
  assert.equal(state, "partial");
  const omitted = await world.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 10 }));
  assert.deepEqual(
    omitted.map(({ key, reason }) => [key, reason]),
    [[victim.key, "changed"]],
  );
  const last = (await world.store.read((r) => r.transfers.events(id))).at(-1);
  assert.deepEqual([last?.kind, last?.details], ["partial", { stored: ITEMS - 1, omitted: 1, missing: 0 }]);
});

test("one byte changed, or one file gone, on a WebDAV server before the read-back: both are named", async () => {
  await using apache = await startApache();
  await using network = networkFor({ allowLoopback: true });
  await putFiles(apache.url, ["a.txt", "b.txt", "c.txt"]);
  const tampered = tamperingBeforeReadBack(async (folderOf) => {
    await flipByte(await folderOf("a.txt"));
    await rm(await folderOf("b.txt"));
  }, apache.folder);
  await using engine = await startEngine(tampered, ["files"], {
    source: { adapter: "webdav", entityId: apache.url.slice(0, -1), endpoints: { root: `${apache.url}from/` } },
    destination: { adapter: "webdav", entityId: `${apache.url}to`, endpoints: { root: `${apache.url}to/` } },
    network,
    credentials: { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD },
  });
  const consent = await engine.consent(["files"]);
  const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  assert.deepEqual(await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms), { kind: "ended", state: "partial" });
  const omitted = await engine.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 10 }));
  assert.deepEqual(
    omitted.map(({ key, reason }) => [key, reason]),
    [
      ["a.txt", "changed"],
      ["b.txt", "lost"],
    ],
  );
});

/** The real adapter; somebody else has access to the server between the last item and the read-back. */
function tamperingBeforeReadBack(tamper: (fileOf: (name: string) => Promise<string>) => Promise<void>, server: string): Adapter {
  return {
    ...webdav,
    openDestination: async (opening, draft) => {
      const destination = await webdav.openDestination(opening, draft);
      const complete: typeof destination.complete = async (manifest, jws) => {
        await tamper((name) => findFile(join(server, "data", "to"), name));
        return destination.complete(manifest, jws);
      };
      return { ...destination, complete };
    },
  };
}

async function findFile(root: string, name: string): Promise<string> {
  const found = (await readdir(root, { recursive: true })).find((path) => path.endsWith(`/${name}`));
  return join(root, found ?? "missing");
}

async function putFiles(root: string, names: string[]): Promise<void> {
  const pool = new Pool(new URL(root).origin);
  const headers = { authorization: `Basic ${Buffer.from(`${WEBDAV_USER}:${WEBDAV_PASSWORD}`).toString("base64")}` };
  const { pathname } = new URL(root);
  const send = async (method: string, path: string, body?: string): Promise<void> =>
    (await pool.request({ method, path: pathname + path, headers, body: body ?? null })).body.dump();
  for (const name of ["from", "to"]) await send("MKCOL", name);
  for (const name of names) await send("PUT", `from/${name}`, `the content of ${name}`);
  await pool.close();
}

/** The folder of documents that a person takes away: manifest, receipt, keys, and the items. */
async function takeAway(): Promise<{ manifest: string; receipt: string }> {
  const person = await world.person({ sourceAccount: "honest", destinationAccount: "honest-space" });
  const { id } = await person.transfer(await person.consent([DAILY]));
  assert.equal((await world.ended(id)).state, "verified");
  const documents = await world.store.read((r) => r.transfers.documents(id));
  const jwsOf = (kind: string) => documents.find((document) => document.kind === kind)?.jws ?? "";
  const relais = (await (await fetch(`${world.url}/.well-known/jwks.json`)).json()) as { keys: object[] };
  await writeFile(join(folder, "keys.json"), JSON.stringify({ [world.url]: relais, [world.ancre.entityId]: { keys: world.ancre.keys } }));
  await mkdir(join(folder, "items", DAILY), { recursive: true });
  for (const item of world.witness.items("honest-space"))
    await writeFile(join(folder, "items", DAILY, item.key), await readFile(world.witness.path(item)));
  return { manifest: jwsOf("manifest"), receipt: jwsOf("receipt") };
}

async function write(documents: { manifest: string; receipt: string }): Promise<void> {
  await writeFile(join(folder, "manifest.jws"), documents.manifest);
  await writeFile(join(folder, "receipt.jws"), documents.receipt);
}

async function command(): Promise<{ code: number | null; output: string }> {
  await using program = startNode([COMMAND, "verify", folder], { env: { PATH: process.env["PATH"] } });
  const { code } = await program.ended;
  return { code, output: program.output() };
}

test("`relais verify` accepts what a person took away, and finds one changed letter anywhere in a manifest, a receipt or an item", async () => {
  const documents = await takeAway();
  await write(documents);
  const honest = await command();
  assert.equal(honest.code, 0, honest.output);
  assert.doesNotMatch(honest.output, /NOT VALID/);

  for (const kind of ["manifest", "receipt"] as const) {
    const jws = documents[kind];
    const places = Array.from({ length: 24 }, (_, index) => Math.floor((index * (jws.length - 4)) / 24));
    for (const place of places.filter((position) => jws[position] !== ".")) {
      await write({ ...documents, [kind]: withAnotherLetter(jws, place) });
      const results = await verify([folder], join(folder, "keys.json"));
      assert.ok(
        results.some(({ ok, file }) => !ok && file.endsWith(`${kind}.jws`)),
        `${kind}, letter ${place}`,
      );
    }
  }
  await write({ ...documents, receipt: withAnotherLetter(documents.receipt, 200) });
  const changed = await command();
  assert.equal(changed.code, 3, changed.output);
  assert.match(changed.output, /NOT VALID .*receipt\.jws/);

  await write(documents);
  const [item] = world.witness.items("honest-space");
  await flipByte(join(folder, "items", DAILY, item?.key ?? ""));
  const tampered = await command();
  assert.equal(tampered.code, 3);
  assert.match(tampered.output, new RegExp(`NOT VALID .*${item?.key}\\n.*its bytes are not those of the documents`));
});

/** A letter whose every bit may count: the last of a group would hold bits that are not part of any byte. */
function withAnotherLetter(text: string, place: number): string {
  return text.slice(0, place) + (text[place] === "A" ? "Q" : "A") + text.slice(place + 1);
}
