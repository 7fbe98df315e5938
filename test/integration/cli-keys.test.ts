import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openKeyring } from "../../src/keys/keyring.ts";

const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const SECRET = "a secret of more than 32 characters, for a test";

test("the operator lists, announces and revokes keys in the data folder, and a running keyring follows", async () => {
  const dir = await mkdtemp(join(tmpdir(), "relais-keys-"));
  const relais = (words: string[], env: Record<string, string> = { RELAIS_KEY_ENCRYPTION_SECRET: SECRET }) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, "keys", ...words], {
      env: { ...process.env, RELAIS_DATA_DIR: dir, ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  try {
    assert.equal(relais(["list"]).status, 2, "nothing is begun in an empty folder");
    const running = await openKeyring(join(dir, "keys"), "web", SECRET);
    await openKeyring(join(dir, "keys"), "worker", SECRET);
    const old = running.current("federation").kid;
    assert.match(relais(["rotate", "federation"]).stdout, /is announced, and is the current key of federation from/);
    assert.equal(running.current("federation").kid, old);
    const rows = (JSON.parse(relais(["list", "--json"]).stdout) as { keys: { ring: string; kid: string; state: string }[] }).keys;
    const [current, next] = rows.filter(({ ring }) => ring === "federation");
    assert.deepEqual([current?.kid, current?.state, next?.state], [old, "current", "next"]);
    const revoked = relais(["revoke", "federation", old]);
    assert.match(revoked.stdout, /is revoked \(compromised\)/, revoked.stderr);
    assert.equal(running.current("federation").kid, next?.kid);
    assert.match(relais(["rotate", "documents", "--now"]).stdout, /is the current key of documents/);
    assert.equal(relais(["rotate", "nothing"]).status, 2);
    assert.equal(relais(["revoke", "oauth", old, "--reason", "mood"]).status, 2);
    assert.match(relais(["list"], { RELAIS_KEY_ENCRYPTION_SECRET: `${SECRET}!` }).stderr, /encrypted with another secret/);
  } finally {
    await rm(dir, { recursive: true });
  }
});
