import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { registerClient } from "../../src/cli/register-client.ts";
import { BAD_PLATFORMS } from "../../src/sandbox/platform/personas.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";

interface Case {
  id: string;
  state: string;
  charter_digest: string;
}

let relais: RunningRelais;
let folder: string;

before(async () => {
  relais = await startRelais({ withSolid: false });
  folder = await mkdtemp(join(tmpdir(), "relais-bad-applies-"));
});
after(async () => {
  await relais?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const ANSWERS = new URL("../../src/sandbox/platform/answers.json", import.meta.url);

test("a platform that does not hear a stop applies for level 1: changes are asked for, naming the criteria, and it stays at level 0", async () => {
  const persona = BAD_PLATFORMS.sourde;
  await using platform = await startPlatform({ dataDir: folder, seed: "bad", relais: relais.url, host: "127.0.0.1", port: 0, persona });
  const { entityId } = platform;
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ entity_id: entityId }) };
  const joined = (await (await fetch(`${relais.url}/v1/participants`, post)).json()) as { id: string };
  const keyFile = join(folder, persona.folder, "keys", "documents.pem");
  const client = await registerClient({ relais: relais.url, clientId: entityId, keyFile });
  const { id, charter_digest: digest } = await client.send<Case>("POST", "/v1/applications", { level: 1 });
  const path = `/v1/applications/${id}`;
  await client.send("PATCH", `${path}/answers`, { answers: JSON.parse(await readFile(ANSWERS, "utf8")) as object });
  await client.send("POST", `${path}/signature`, { digest, signer: "managing director" });
  await client.send("POST", `${path}/steps/submit`);
  let { state } = await client.get<Case>(path);
  for (const end = Date.now() + 180_000; ["submitted", "checking"].includes(state) && Date.now() < end; await sleep(500))
    ({ state } = await client.get<Case>(path));
  assert.equal(state, "changes_requested");
  const answer = await fetch(`${relais.url}/v1/participants/${joined.id}/decisions`);
  const { decisions } = (await answer.json()) as { decisions: { kind: string; reasons: { fr: string; en: string } }[] };
  const asked = decisions.find(({ kind }) => kind === "request_changes");
  assert.equal(
    asked?.reasons.en,
    "Security contact: Check failed: security.txt. Withdrawal honoured: Check failed: withdrawal.honoured.",
    "each criterion by its title, and nothing else",
  );
  const shown = (await (await fetch(`${relais.url}/v1/participants/${joined.id}`)).json()) as { trust_mark: { level: number } };
  assert.equal(shown.trust_mark.level, 0);
});
