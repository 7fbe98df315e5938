import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { solid as adapter } from "../../adapters/solid/index.ts";
import type { Entry } from "../../src/core/register/register-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { networkFor } from "../../src/net/network.ts";
import type { SandboxReady } from "../../src/sandbox/main.ts";
import type { PodKeys } from "../../src/sandbox/solid/pod-keys.ts";
import { openingFor } from "../support/adapter-opening.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandbox-solid-"));
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

/** Processes that this one started (Linux). */
async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ").map(Number);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("the keys that the home page makes open a persona's pod, and the server ends with a killed sandbox", async () => {
  const file = join(folder, "settings.json");
  await writeFile(
    file,
    JSON.stringify({
      dataDir: join(folder, "data"),
      seed: "pods",
      relais: "http://127.0.0.1:9",
      host: "127.0.0.1",
      ports: { home: 0, identity: 0, energy: 0, insurance: 0, telecom: 0, ancre: 0, solid: 0 },
    }),
  );
  const child = fork("src/sandbox/main.ts", [file], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = once(child, "exit");
  // What follows the first message comes in any order.
  const [{ ready }, solid] = await Promise.all([
    once(child, "message").then(([first]) => first as { ready: SandboxReady }),
    new Promise<Entry>((done) => child.on("message", (told: { solid?: Entry }) => told.solid && done(told.solid))),
  ]);
  const home = String(ready.urls["home"]);
  assert.ok("description" in solid);
  const description = solid.description as Participant;
  assert.equal(`${description.entityId}/`, ready.urls["solid"]);

  const foreign = await fetch(`${home}/personas/jeanne/pod-keys`, {
    method: "POST",
    headers: { origin: "https://elsewhere.example", "sec-fetch-site": "cross-site" },
  });
  assert.equal(foreign.status, 403);
  const made = await fetch(`${home}/personas/jeanne/pod-keys`, { method: "POST", headers: { accept: "application/json" } });
  const keys = (await made.json()) as PodKeys;
  const personas = (await (await fetch(`${home}/personas.json`)).json()) as { id: string; podRoot: string }[];
  assert.equal(personas.find(({ id }) => id === "jeanne")?.podRoot, keys.podRoot);

  await using network = networkFor({ allowLoopback: true });
  const { issuer, clientId, clientSecret, podRoot } = keys;
  const opening = await openingFor(network, {
    adapter: "solid",
    url: description.entityId,
    endpoints: description.endpoints,
    account: podRoot,
    credentials: { kind: "dpop-client", issuer, clientId, clientSecret },
  });
  const named = {
    transfer: "trf_1",
    consent: "cst_1",
    source: "https://source.example",
    destination: description.entityId,
    subject: podRoot,
  } as never;
  await using destination = await adapter.openDestination(opening, named);
  await destination.announce({
    manifest: named,
    datasets: [{ dataset: "test.one", items: 1, bytes: 5 }],
    expiresAt: new Date(Date.now() + 60_000),
  });
  await destination.put(
    { dataset: "test.one", key: "a", mediaType: "text/plain", bytes: 5, sha256: sha256("hello") },
    Buffer.from("hello"),
  );
  await using source = await adapter.openSource(opening);
  assert.deepEqual(
    (await source.list("test.one", null)).items.map(({ key }) => key),
    ["a"],
  );
  assert.equal((await fetch(`${podRoot}relais/`)).ok, false, "nobody reads it without the keys");

  const [server = 0] = await childrenOf(child.pid as number);
  assert.ok(isRunning(server));
  child.kill("SIGKILL");
  await ended;
  for (let turn = 0; turn < 50 && isRunning(server); turn += 1) await sleep(200);
  assert.equal(isRunning(server), false);
});
